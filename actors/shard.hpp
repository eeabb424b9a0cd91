/// \file
/// The shard's behavior: it speaks for runtime::shard, whose invariants hold.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"

#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>

namespace lagrange::actors {

struct shard_setup {
  runtime::shard_options options;
  feeder_actor feeder;         ///< told of settled leases
  supervisor_actor supervisor; ///< told of figures
  runtime::journal_sink journal;
};

struct shard_state {
  static inline const char* name = "shard";
  std::optional<runtime::shard> twin;
  std::shared_ptr<shard_setup> setup;
  ticket_counter tickets;
  open_requests<framed<runtime::pull_reply>> pulls;
  open_requests<runtime::push_ack> pushes;
  bool is_settling = false; ///< a settlement waits for its answer
};

/// Quits with an error when the options are invalid.
shard_actor::behavior_type shard(shard_actor::stateful_pointer<shard_state> self,
                                 std::shared_ptr<shard_setup> setup);

} // namespace lagrange::actors
