/// \file
/// How the policy of a running job is switched at one clock of every worker on every shard, as
/// messages from the supervisor. The feeder lets its leases run out, if they are dealt otherwise
/// under the new policy; the shards admit nothing beyond what they have admitted, and say where
/// that is; from the highest of these clocks on the new policy is in force; the feeder goes on.
#pragma once

#include "runtime/messages.hpp"

#include <string>
#include <string_view>

namespace lagrange::runtime {

enum class switch_phase : std::uint8_t {
  drain = 0, ///< to the feeder: answered when no lease of the old kind is open
  hold,      ///< to shards: answered with a clock that is beyond all that was admitted
  commit,    ///< to shards: the policy is in force from clock `first` on
  resume,    ///< to the feeder: leases are for clock `first` and later ones
};

/// As long as it is not acknowledged it may come again.
struct switch_order {
  stamp from;
  std::uint64_t number = 0; ///< of the switch, from 1
  switch_phase phase = switch_phase::drain;
  std::string policy; ///< as in "ssp:8"; the receiver can make it
  worker_clock first; ///< of commit and resume
};

struct switch_ack {
  stamp from;
  std::uint64_t number = 0;
  switch_phase phase = switch_phase::drain;
  worker_clock first; ///< of hold
};

/// To the supervisor, from whoever controls the job.
struct switch_request {
  std::string policy; ///< that suits the job
};
struct switch_receipt {
  std::uint64_t number = 0; ///< of the switch; 0: refused
  std::string refusal;
};

/// A policy's text has to fit into one entry of a journal.
constexpr std::size_t switched_policy_letters_max = 32;

template <class Inspector>
auto inspect(Inspector& f, switch_order& x) {
  return f(x.from, x.number, x.phase, x.policy, x.first);
}
template <class Inspector>
auto inspect(Inspector& f, switch_ack& x) {
  return f(x.from, x.number, x.phase, x.first);
}
template <class Inspector>
auto inspect(Inspector& f, switch_request& x) {
  return f(x.policy);
}
template <class Inspector>
auto inspect(Inspector& f, switch_receipt& x) {
  return f(x.number, x.refusal);
}

} // namespace lagrange::runtime
