/// \file
/// The messages of the first job's path: a push is a reference count inside a process, and flat
/// bytes between two.
#pragma once

#include "runtime/messages.hpp"

#include <caf/replies_to.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lagrange::bench {

struct framed_push {
  std::shared_ptr<const runtime::gradient_push> value; ///< null: the bytes were no push
};
struct push_receipt {
  runtime::stamp from;
  runtime::lease_id what;
  runtime::lease_attempt attempt;
  runtime::worker_clock clock;
  std::uint8_t outcome = 0;
  runtime::shard_version version;
};

/// Header, head and elements copied behind each other, with a checksum over all.
std::vector<char> flatten(const runtime::gradient_push& push);
/// Checks the bytes and copies the elements out. Null: bytes that are no push.
std::shared_ptr<const runtime::gradient_push> unflatten(const std::vector<char>& flat);

/// For logs: never the bytes.
inline std::string to_string(const framed_push&) { return "push"; }

template <class Inspector>
auto inspect(Inspector& f, push_receipt& x) {
  return f(x.from, x.what, x.attempt, x.clock, x.outcome, x.version);
}

template <class Inspector>
auto inspect(Inspector& f, framed_push& x) {
  std::vector<char> flat;
  if constexpr (Inspector::reads_state) {
    flat = flatten(*x.value);
    return f(flat);
  } else {
    auto problem = f(flat);
    if (!problem) x.value = unflatten(flat);
    return problem;
  }
}

using push_actor = caf::typed_actor<caf::replies_to<framed_push>::with<push_receipt>>;

} // namespace lagrange::bench

// Far from the ids of the program's own messages, which are in the same executable.
CAF_BEGIN_TYPE_ID_BLOCK(lagrange_bench, caf::first_custom_type_id + 1000)
CAF_ADD_TYPE_ID(lagrange_bench, (lagrange::bench::framed_push))
CAF_ADD_TYPE_ID(lagrange_bench, (lagrange::bench::push_receipt))
CAF_END_TYPE_ID_BLOCK(lagrange_bench)
