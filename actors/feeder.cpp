#include "actors/feeder.hpp"

namespace lagrange::actors {

namespace {

using namespace runtime;
using feeder_pointer = feeder_actor::stateful_pointer<feeder_state>;

void report(feeder_pointer self) {
  self->send(self->state.supervisor, self->state.port->twin().report());
}

/// Evaluations and the job's end wait for this; the tick repeats it.
void tell_epoch(feeder_pointer self) {
  const auto& twin = self->state.port->twin();
  if (twin.epochs_finished() == self->state.told_epochs) return;
  self->state.told_epochs = twin.epochs_finished();
  report(self);
}

} // namespace

feeder_actor::behavior_type feeder(feeder_pointer self, std::shared_ptr<feeder_setup> setup) {
  quit_on_exceptions(self);
  auto& state = self->state;
  state.supervisor = setup->supervisor;
  feeder_hooks hooks;
  hooks.now = [self] { return now(self); };
  hooks.close = [self](shard_id to, const round_closing& closing) {
    if (auto waits = self->state.asked.extract(to); !waits.empty()) waits.mapped().deliver(closing);
  };
  hooks.switched = [self](const switch_ack& ack) { self->state.switching.deliver(ack); };
  hooks.wake = [self](std::chrono::nanoseconds after) {
    self->delayed_send(self, after, wake_atom::value);
  };
  hooks.lose = [supervisor = setup->supervisor, who = setup->options.self](const actor_life& peer,
                                                                           const error& why) {
    report_loss(supervisor, who, peer, why);
  };
  state.port.emplace(setup->options, setup->training, std::move(hooks));
  state.seat = std::move(setup->seat);
  state.port->attach(*state.seat->plane);
  state.seat->receives.attach(caf::actor_cast<caf::weak_actor_ptr>(self));
  self->delayed_send(self, tick_period, tick_atom::value);
  return {
      [self](const settlement& settled) {
        self->state.port->on_settlement(settled);
        tell_epoch(self);
        return settlement_ack{self->state.port->twin().self(), settled.sequence};
      },
      [self](const round_request& asked) {
        auto promise = self->make_response_promise<round_closing>();
        self->state.asked[{asked.from.name.index}] = promise;
        self->state.port->on_round_request(asked);
        return promise;
      },
      [self](const switch_order& order) {
        const auto promise = self->state.switching = self->make_response_promise<switch_ack>();
        self->state.port->on_switch(order);
        return promise;
      },
      [self](const cut_order& order) { self->state.port->on_cut(order); },
      [self](const membership_view& view) {
        self->state.port->on_view(view);
        auto stamp = self->state.port->twin().self();
        stamp.view = self->state.port->twin().view();
        return view_ack{stamp, self->state.port->twin().given_back_by_view()};
      },
      [self](const arrival& x) { self->state.port->on_frame(x.from, *x.what); },
      [self](const link_loss& x) { self->state.port->on_down(x.gone, x.why); },
      [self](wake_atom) { self->state.port->on_wake(); },
      [self](tick_atom) {
        self->state.port->on_tick();
        report(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
