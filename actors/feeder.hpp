/// \file
/// The feeder's behavior: it speaks for runtime::feeder on the control plane, and hands what its
/// endpoint receives to runtime::feeder_port.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "actors/plane.hpp"
#include "runtime/feeder_port.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <memory>
#include <optional>

namespace lagrange::actors {

struct feeder_setup {
  runtime::feeder_options options;
  std::shared_ptr<const runtime::dataset> training;
  std::unique_ptr<plane_seat> seat;
  supervisor_actor supervisor; ///< told of figures and of lost peers
};

struct feeder_state {
  static inline const char* name = "feeder";
  std::optional<runtime::feeder_port> port;
  std::unique_ptr<plane_seat> seat;
  supervisor_actor supervisor;
  /// Of shards that wait for the end of a round; of two questions of one shard the first is lost.
  std::map<runtime::shard_id, caf::typed_response_promise<runtime::round_closing>> asked;
  /// Of an order to switch the policy; of two the first is lost.
  caf::typed_response_promise<runtime::switch_ack> switching;
  std::uint32_t told_epochs = 0; ///< at once, when their last lease was closed
};

/// Quits with an error when the options are invalid.
feeder_actor::behavior_type feeder(feeder_actor::stateful_pointer<feeder_state> self,
                                   std::shared_ptr<feeder_setup> setup);

} // namespace lagrange::actors
