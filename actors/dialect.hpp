/// \file
/// The spellings of CAF 0.17 that shells share: errors, the exception handler, time.
#pragma once

#include "runtime/error.hpp"
#include "runtime/staleness/policy.hpp"

#include <caf/error.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace lagrange::actors {

/// How often actors look after themselves: report, repeat what got lost.
constexpr std::chrono::milliseconds tick_period{250};
/// A request that is not answered by then is given up; ticks repeat what still matters, and the
/// supervisor's watch over processes tells of deaths long before.
constexpr std::chrono::seconds request_deadline{4};
/// A process that dies closes its connections about 1 ms before it is known how it ended; so long
/// its end is waited for, because it tells more.
constexpr std::chrono::milliseconds process_end_grace{300};
/// A step that takes longer counts as hung.
constexpr std::chrono::minutes step_deadline{10};

/// Our error as CAF carries it, and back. Other categories become errc::peer_gone with CAF's text.
caf::error to_caf(const runtime::error& x);
runtime::error from_caf(const caf::error& x);

/// What an actor quits with when a handler throws: the text of the exception, not just the fact.
caf::error from_exception(std::exception_ptr thrown);

/// Completes a sentence about an actor that went down for this reason.
std::string cause_of(const caf::error& reason);

template <class Self>
void quit_on_exceptions(Self* self) {
  self->set_exception_handler(
      [](std::exception_ptr& thrown) -> caf::error { return from_exception(thrown); });
}

/// The actor's own clock: real time, or the simulator's.
template <class Self>
runtime::time_point now(Self* self) {
  return self->clock().now();
}

} // namespace lagrange::actors
