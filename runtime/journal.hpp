/// \file
/// What a shard did, in the order in which it did it: the record that checkers watch in simulation,
/// and from which a run is audited and replayed. As a file: journal_file.hpp.
#pragma once

#include "runtime/digest.hpp"
#include "runtime/messages.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime {

enum class journal_kind : std::uint8_t {
  served = 0, ///< a pull was answered
  applied,    ///< a lease's gradient went into the parameters
  dropped,    ///< a lease was settled without being applied
  duplicate,  ///< a push came whose lease had been taken
  ticked,     ///< a worker's clock moved without a lease
  left,       ///< a worker left the clock table
  kept,       ///< a push was taken, and waits for its round
  state,      ///< the parameters had this hash
  excluded,   ///< a lease was left out of its round by the policy, whether its push was in or not
  switched,   ///< pulls of this clock and later ones are judged by another policy
  set_aside,  ///< a lease was settled that the feeder gave up: nobody computes it any more
};

struct journal_entry {
  journal_kind kind = journal_kind::served;
  worker_id worker; ///< with `life`, `clock` and what follows: not for state, of switched the clock
  incarnation life;
  worker_clock clock;    ///< of the pull's use, or of the step pushed
  shard_version version; ///< of the shard, after what is recorded
  worker_clock slowest;  ///< served: the slowest live clock
  // Of a push:
  lease_id what;
  lease_attempt attempt;
  shard_version read; ///< that the gradient was computed from
  std::uint32_t samples = 0;
  std::uint32_t batches = 1; ///< set_aside: ids of the lease; of others its samples tell
  float clip_scale = 1;
  std::uint32_t checksum = 0;  ///< applied and kept: of the gradient's bytes, as they came
  bool is_compensated = false; ///< applied: by what was read, which the shard still had
  sha256_digest digest{};      ///< state: SHA-256 of the parameters; switched: policy_bytes()
  bool operator==(const journal_entry&) const = default;
};

/// A policy's text as an entry holds it, with zeros behind it. Requires: no more letters than fit.
sha256_digest policy_bytes(std::string_view policy);
std::string policy_of(const journal_entry& x);

/// Versions between the read and the apply. Requires: an entry of a push.
std::uint64_t staleness_of(const journal_entry& x);

/// Keeps entries, in order. Errors: why they cannot be kept; then nothing may be acknowledged that
/// depends on them.
using journal_sink = std::function<result<void>(shard_id, std::span<const journal_entry>)>;

} // namespace lagrange::runtime
