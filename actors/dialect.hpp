/// \file
/// The spellings of CAF 0.17 that shells share: errors, the exception handler, time, tickets.
#pragma once

#include "runtime/error.hpp"
#include "runtime/shard.hpp"

#include <caf/error.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <string>
#include <utility>

namespace lagrange::actors {

/// How often actors look after themselves: report, repeat what got lost.
constexpr std::chrono::milliseconds tick_period{250};
/// A request that is not answered by then is given up; ticks repeat what still matters, and the
/// supervisor's watch over processes tells of deaths long before.
constexpr std::chrono::seconds request_deadline{4};
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

/// Numbers the requests whose answers a twin decides later.
class ticket_counter {
public:
  runtime::ticket draw() { return std::exchange(next_, next_.next()); }

private:
  runtime::ticket next_;
};

/// Requests whose answer the twin decides later, by ticket.
template <class Answer>
class open_requests {
public:
  using promise = caf::typed_response_promise<Answer>;
  void add(runtime::ticket to, promise request) { promises_.emplace(to, std::move(request)); }
  /// Delivers an answer or a caf::error, once. Tickets of other kinds of requests are ignored.
  template <class Result>
  void deliver(runtime::ticket to, Result&& what) {
    const auto found = promises_.find(to);
    if (found == promises_.end()) return;
    auto request = std::move(found->second);
    promises_.erase(found);
    request.deliver(std::forward<Result>(what));
  }

private:
  std::map<runtime::ticket, promise> promises_;
};

} // namespace lagrange::actors
