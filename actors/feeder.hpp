/// \file
/// The feeder's behavior: it speaks for runtime::feeder, and fetches the samples of the leases that
/// the twin deals.
#pragma once

#include "actors/dialect.hpp"
#include "actors/interfaces.hpp"
#include "runtime/data/dataset.hpp"

#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>

namespace lagrange::actors {

struct feeder_setup {
  runtime::feeder_options options;
  std::shared_ptr<const runtime::dataset> training;
  supervisor_actor supervisor; ///< told of figures
};

struct feeder_state {
  static inline const char* name = "feeder";
  std::optional<runtime::feeder> twin;
  std::shared_ptr<const feeder_setup> setup;
  ticket_counter tickets;
  open_requests<framed<runtime::lease_grant>> requests;
  bool has_told_end = false;
};

/// Quits with an error when the options are invalid.
feeder_actor::behavior_type feeder(feeder_actor::stateful_pointer<feeder_state> self,
                                   std::shared_ptr<const feeder_setup> setup);

} // namespace lagrange::actors
