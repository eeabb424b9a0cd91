#include "faulty_link.hpp"

#include "actors/dialect.hpp"

#include <caf/stateful_actor.hpp>

#include <functional>
#include <map>

namespace lagrange::sim {

namespace {

using namespace runtime;
using actors::tick_atom;
using due_timer = caf::reacts_to<tick_atom, std::uint64_t>;
using feeder_link = actors::feeder_actor::extend<due_timer>;
using compute_link = actors::compute_actor::extend<due_timer>;

struct link_state {
  link_faults faults;
  random_source random;
  std::map<std::uint64_t, std::function<void()>> due;
  std::uint64_t next = 0;
  std::vector<caf::typed_response_promise<actors::step_done>> hung;

  bool happens(double share) { return std::uniform_real_distribution<>(0, 1)(*random) < share; }
  std::chrono::milliseconds some_time(std::chrono::milliseconds low,
                                      std::chrono::milliseconds high) {
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(low.count(), high.count())(*random));
  }
};

template <class Self>
void later(Self self, std::chrono::milliseconds delay, std::function<void()> what) {
  const auto id = self->state.next++;
  self->state.due.emplace(id, std::move(what));
  self->delayed_send(self, delay, tick_atom::value, id);
}

template <class Self>
void run_due(Self self, std::uint64_t id) {
  auto what = self->state.due.extract(id);
  if (!what.empty()) what.mapped()();
}

/// Lets a request cross, and its answer cross back, each with its own fate.
template <class Reply, class Self, class Behind, class Request>
auto cross(Self self, Behind behind, const Request& request) {
  auto promise = self->template make_response_promise<Reply>();
  auto& state = self->state;
  const int copies = state.happens(state.faults.drop)     ? 0
                     : state.happens(state.faults.repeat) ? 2
                                                          : 1;
  const auto back = [self, promise](auto&& answer) {
    auto& own = self->state;
    if (own.happens(own.faults.drop)) return;
    later(self, own.some_time({}, own.faults.delay_max),
          [promise, answer]() mutable { promise.deliver(std::move(answer)); });
  };
  for (int copy = 0; copy < copies; ++copy)
    later(self, state.some_time({}, state.faults.delay_max), [self, behind, request, back] {
      self->request(behind, actors::request_deadline, request)
          .then([back](const Reply& reply) { back(Reply(reply)); },
                [back](const caf::error& why) { back(caf::error(why)); });
    });
  return promise;
}

feeder_link::behavior_type feeder_behavior(feeder_link::stateful_pointer<link_state> self,
                                           actors::feeder_actor behind, link_faults faults,
                                           random_source random) {
  self->state.faults = faults;
  self->state.random = std::move(random);
  return {
      [self, behind](const settlement& x) { return cross<settlement_ack>(self, behind, x); },
      [self, behind](const round_request& x) { return cross<round_closing>(self, behind, x); },
      [self, behind](const switch_order& x) { return cross<switch_ack>(self, behind, x); },
      [self, behind](const cut_order& x) { self->send(behind, x); }, // comes again until it counts
      [self, behind](const membership_view& x) { return cross<view_ack>(self, behind, x); },
      [](const actors::arrival&) {},
      [](const actors::link_loss&) {},
      [](actors::wake_atom) {},
      [](tick_atom) {},
      [self](tick_atom, std::uint64_t id) { run_due(self, id); },
  };
}

frames_actor::behavior_type frames_behavior(frames_actor::stateful_pointer<link_state> self,
                                            link_faults faults, random_source random) {
  self->state.faults = faults;
  self->state.random = std::move(random);
  return {
      [self](const crossing& deliver) {
        auto& state = self->state;
        const int copies = state.happens(state.faults.drop)     ? 0
                           : state.happens(state.faults.repeat) ? 2
                                                                : 1;
        for (int copy = 0; copy < copies; ++copy)
          later(self, state.some_time({}, state.faults.delay_max), [deliver] { (*deliver)(); });
      },
      [self](tick_atom, std::uint64_t id) { run_due(self, id); },
  };
}

compute_link::behavior_type compute_behavior(compute_link::stateful_pointer<link_state> self,
                                             std::shared_ptr<computation> what, step_faults steps,
                                             random_source random) {
  self->state.random = std::move(random);
  return {
      [self, what, steps](const actors::step_order& order) {
        auto promise = self->make_response_promise<actors::step_done>();
        const auto& lease = order.task->what;
        const auto took = self->state.some_time(std::chrono::milliseconds(1), steps.time_max);
        if (steps.hangs.contains(lease.id.value) && lease.attempt.value == 1) {
          self->state.hung.push_back(promise);
          return promise;
        }
        if (steps.poison.contains(lease.id.value)) {
          later(self, took, [promise]() mutable { promise.deliver(caf::sec::runtime_error); });
          return promise;
        }
        const auto tell = [&](early_part part) { // at any time of the step, and one in order
          const actors::part_done ready{std::make_shared<const early_part>(std::move(part))};
          later(self, self->state.some_time({}, took),
                [self, to = order.tells, ready] { self->send(to, ready); });
        };
        actors::step_done done{std::make_shared<const step_result>((*what)(*order.task, tell))};
        later(self, took, [promise, done]() mutable { promise.deliver(std::move(done)); });
        return promise;
      },
      [self](tick_atom, std::uint64_t id) { run_due(self, id); },
  };
}

} // namespace

actors::feeder_actor link_to(caf::actor_system& system, const actors::feeder_actor& behind,
                             link_faults faults, random_source random) {
  return system.spawn(feeder_behavior, behind, faults, std::move(random));
}

frames_actor frames_link(caf::actor_system& system, link_faults faults, random_source random) {
  return system.spawn(frames_behavior, faults, std::move(random));
}

actors::compute_actor slow_compute(caf::actor_system& system,
                                   std::shared_ptr<computation> computation, step_faults steps,
                                   random_source random) {
  return system.spawn(compute_behavior, std::move(computation), std::move(steps),
                      std::move(random));
}

} // namespace lagrange::sim
