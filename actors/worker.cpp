#include "actors/worker.hpp"

#include "actors/connection.hpp"

namespace lagrange::actors {

namespace {

using namespace runtime;
using worker_pointer = worker_actor::stateful_pointer<worker_state>;

void carry_out(worker_pointer self, worker_effects effects);

/// What failed is repeated at a tick, unless it can never succeed.
void on_failure(worker_pointer self, const caf::error& why) {
  const auto found = from_caf(why);
  if (found.code == errc::fenced || found.code == errc::bad_frame) self->quit(why);
}

const supervisor_actor& supervisor_of(worker_pointer self) { return self->state.setup->supervisor; }

void ask(worker_pointer self, const lease_request& request) {
  self->request(self->state.setup->feeder, request_deadline, request)
      .then(
          [self](const framed<lease_grant>& grant) {
            if (!grant)
              return give_up(self, supervisor_of(self), self->state.setup->feeder.node(),
                             grant.defect);
            carry_out(self, self->state.twin->on_grant(grant.value, now(self)));
          },
          [self](const caf::error& why) { on_failure(self, why); });
}

void pull(worker_pointer self, shard_id from, const pull_request& request) {
  self->request(self->state.setup->shards[from.value], request_deadline,
                framed<pull_request>(request))
      .then(
          [self, from](const framed<pull_reply>& reply) {
            if (!reply)
              return give_up(self, supervisor_of(self),
                             self->state.setup->shards[from.value].node(), reply.defect);
            carry_out(self, self->state.twin->on_parameters(from, reply.value, now(self)));
          },
          [self](const caf::error& why) { on_failure(self, why); });
}

void push(worker_pointer self, shard_id to, std::shared_ptr<const gradient_push> frame) {
  self->request(self->state.setup->shards[to.value], request_deadline,
                framed<gradient_push>(std::move(frame)))
      .then(
          [self, to](const push_ack& ack) {
            carry_out(self, self->state.twin->on_ack(to, ack, now(self)));
          },
          [self](const caf::error& why) { on_failure(self, why); });
}

void compute(worker_pointer self, std::shared_ptr<const step_task> task) {
  self->request(self->state.setup->compute, step_deadline, step_order{std::move(task)})
      .then(
          [self](const step_done& done) {
            carry_out(self, self->state.twin->on_computed(*done.result, now(self)));
          },
          [self](const caf::error& why) { self->quit(why); });
}

void carry_out(worker_pointer self, worker_effects effects) {
  if (effects.compute) compute(self, std::move(effects.compute));
  for (auto& [to, frame] : effects.pushes) push(self, to, std::move(frame));
  if (effects.request) ask(self, *effects.request);
  for (const auto& [from, request] : effects.pulls) pull(self, from, request);
  if (effects.wake_after) self->delayed_send(self, *effects.wake_after, wake_atom::value);
  if (effects.report) self->send(supervisor_of(self), *effects.report);
}

} // namespace

worker_actor::behavior_type worker(worker_pointer self, std::shared_ptr<const worker_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  self->state.twin.emplace(setup->options);
  carry_out(self, self->state.twin->start(now(self)));
  self->delayed_send(self, tick_period, tick_atom::value);
  return {
      [self](wake_atom) { carry_out(self, self->state.twin->on_wake(now(self))); },
      [self](tick_atom) {
        carry_out(self, self->state.twin->on_tick(now(self)));
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
