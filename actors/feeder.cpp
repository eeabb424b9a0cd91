#include "actors/feeder.hpp"

namespace lagrange::actors {

namespace {

using namespace runtime;
using feeder_pointer = feeder_actor::stateful_pointer<feeder_state>;

void report(feeder_pointer self) {
  self->send(self->state.setup->supervisor, self->state.twin->report());
}

void carry_out(feeder_pointer self, feeder_effects effects) {
  auto& state = self->state;
  for (auto& [to, grant, samples] : effects.grants) {
    if (!samples.empty()) grant.samples = state.setup->training->gather(samples);
    state.requests.deliver(to, framed<lease_grant>(std::move(grant)));
  }
  for (const auto& [to, why] : effects.refused) state.requests.deliver(to, to_caf(why));
  if (!state.has_told_end && state.twin->is_finished()) {
    state.has_told_end = true; // the job waits for this; the tick repeats it
    report(self);
  }
}

} // namespace

feeder_actor::behavior_type feeder(feeder_pointer self, std::shared_ptr<const feeder_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  self->state.twin.emplace(setup->options);
  self->delayed_send(self, tick_period, tick_atom::value);
  return {
      [self](const lease_request& request) {
        auto promise = self->make_response_promise<framed<lease_grant>>();
        const auto to = self->state.tickets.draw();
        self->state.requests.add(to, promise);
        carry_out(self, self->state.twin->on_request(request, to));
        return promise;
      },
      [self](const settlement& settled) {
        carry_out(self, self->state.twin->on_settlement(settled));
        return settlement_ack{self->state.twin->self(), settled.sequence};
      },
      [self](const membership_view& view) {
        carry_out(self, self->state.twin->on_view(view));
        auto stamp = self->state.twin->self();
        stamp.view = self->state.twin->view();
        return view_ack{stamp};
      },
      [self](tick_atom) {
        report(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
