/// \file
/// The shard's behavior: it speaks for runtime::shard on the control plane. What a step needs goes
/// past it, through runtime::shard_port, in the thread of its endpoint if that has one.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "actors/plane.hpp"
#include "runtime/shard_port.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace lagrange::actors {

struct shard_setup {
  runtime::shard_options options;
  std::unique_ptr<plane_seat> seat;
  feeder_actor feeder;         ///< told of settled leases
  supervisor_actor supervisor; ///< told of figures and of lost peers
  runtime::journal_sink journal;
  checkpoint_writer_actor writer; ///< of what it holds at a cut; null: nothing is kept
};

struct shard_state {
  static inline const char* name = "shard";
  runtime::stamp self;
  feeder_actor feeder;
  supervisor_actor supervisor;
  std::vector<caf::typed_response_promise<runtime::shard_report>> asked; ///< for figures
  /// Of orders to switch the policy; of two alike the first is lost.
  std::map<std::pair<std::uint64_t, runtime::switch_phase>,
           caf::typed_response_promise<runtime::switch_ack>>
      switching;
  std::optional<runtime::shard_port> port;
  std::unique_ptr<plane_seat> seat; ///< after the port, which its thread uses
};

/// Quits with an error when the options are invalid.
shard_actor::behavior_type shard(shard_actor::stateful_pointer<shard_state> self,
                                 std::shared_ptr<shard_setup> setup);

} // namespace lagrange::actors
