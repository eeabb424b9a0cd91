#include "actors/worker.hpp"

namespace lagrange::actors {

namespace {

using namespace runtime;
using worker_pointer = worker_actor::stateful_pointer<worker_state>;

void carry_out(worker_pointer self, worker_effects effects);

/// What the step found in the residual when a cut came before it.
void keep(worker_pointer self, const step_result& made) {
  if (made.kept && self->state.writer)
    self->send(self->state.writer,
               residual_part{self->state.port->twin().self(), made.cut, made.kept});
}

void compute(worker_pointer self, std::shared_ptr<const step_task> task) {
  self->request(self->state.compute, step_deadline, step_order{std::move(task), self})
      .then(
          [self](const step_done& done) {
            keep(self, *done.result);
            carry_out(self, self->state.port->on_computed(*done.result, now(self)));
          },
          [self](const caf::error& why) { self->quit(why); });
}

void carry_out(worker_pointer self, worker_effects effects) {
  if (effects.compute) compute(self, std::move(effects.compute));
  if (effects.wake_after) self->delayed_send(self, *effects.wake_after, wake_atom::value);
  if (effects.report) self->send(self->state.supervisor, *effects.report);
}

void on_arrival(worker_pointer self, const arrival& x) {
  auto effects = self->state.port->on_frame(x.from, *x.what, now(self));
  if (effects) return carry_out(self, std::move(effects).value());
  if (effects.error().code == errc::bad_frame) // whoever sends what is no frame is replaced
    if (const auto peer = self->state.peers.find(x.from); peer != self->state.peers.end())
      report_loss(self->state.supervisor, self->state.port->twin().self(), peer->second,
                  effects.error());
  self->quit(to_caf(effects.error()));
}

void on_loss(worker_pointer self, const link_loss& x) {
  const auto peer = self->state.peers.find(x.gone);
  if (peer != self->state.peers.end())
    report_loss(self->state.supervisor, self->state.port->twin().self(), peer->second, x.why);
}

/// If it cannot be reached, it may have died as well.
void relink(worker_pointer self, const shard_moved& x) {
  auto& state = self->state;
  const shard_id shard{x.who.name.index};
  const auto old = state.port->links().shards.at(shard.value);
  if (const auto there = state.peers.find(old);
      there != state.peers.end() && there->second == x.who)
    return carry_out(self,
                     state.port->on_shard_moved(shard, old, now(self))); // it forgot what was asked
  const auto link = state.seat->plane->connect(x.at);
  if (!link) return report_loss(state.supervisor, state.port->twin().self(), x.who, link.error());
  state.peers.erase(old);
  state.seat->plane->close(old);
  state.peers[link.value()] = x.who;
  carry_out(self, state.port->on_shard_moved(shard, link.value(), now(self)));
}

} // namespace

worker_actor::behavior_type worker(worker_pointer self, std::shared_ptr<worker_setup> setup) {
  quit_on_exceptions(self);
  auto& state = self->state;
  state.compute = setup->compute;
  state.supervisor = setup->supervisor;
  state.writer = setup->writer;
  state.peers = setup->peers;
  state.port.emplace(setup->options);
  state.seat = std::move(setup->seat);
  state.port->attach(*state.seat->plane, setup->links);
  state.seat->receives.attach(caf::actor_cast<caf::weak_actor_ptr>(self));
  carry_out(self, state.port->start(now(self)));
  self->delayed_send(self, tick_period, tick_atom::value);
  return {
      [self](const part_done& x) {
        carry_out(self, self->state.port->on_part(*x.part, now(self)));
      },
      [self](const arrival& x) { on_arrival(self, x); },
      [self](const link_loss& x) { on_loss(self, x); },
      [self](const shard_moved& x) { relink(self, x); },
      [self](wake_atom) { carry_out(self, self->state.port->on_wake(now(self))); },
      [self](tick_atom) {
        carry_out(self, self->state.port->on_tick(now(self)));
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
