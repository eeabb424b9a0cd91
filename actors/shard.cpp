#include "actors/shard.hpp"

#include "actors/connection.hpp"

namespace lagrange::actors {

namespace {

using namespace runtime;
using shard_pointer = shard_actor::stateful_pointer<shard_state>;

/// Tells the feeder of settled leases, one settlement at a time: it hears once per burst.
void settle(shard_pointer self) {
  auto& state = self->state;
  if (state.is_settling) return;
  auto news = state.twin->next_settlement();
  if (news.leases.empty()) return;
  state.is_settling = true;
  self->request(state.setup->feeder, request_deadline, std::move(news))
      .then(
          [self](const settlement_ack& ack) {
            self->state.is_settling = false;
            self->state.twin->on_settlement_ack(ack);
            settle(self);
          },
          [self](const caf::error&) { self->state.is_settling = false; }); // the tick repeats it
}

void carry_out(shard_pointer self, shard_effects effects) {
  auto& state = self->state;
  if (state.setup->journal)
    for (const auto& entry : effects.entries) state.setup->journal(state.setup->options.id, entry);
  for (auto& [to, reply] : effects.pulls)
    state.pulls.deliver(to, framed<pull_reply>(std::move(reply)));
  for (auto& [to, ack] : effects.pushes) state.pushes.deliver(to, std::move(ack));
  for (const auto& [to, why] : effects.refused) {
    state.pulls.deliver(to, to_caf(why));
    state.pushes.deliver(to, to_caf(why));
  }
  settle(self);
}

/// Bytes that are no frame: whoever sent them gets an error and no second chance.
template <class Answer>
caf::typed_response_promise<Answer> refuse(shard_pointer self, const error& defect) {
  const auto& sender = self->current_sender(); // the promise takes it away
  const auto peer = sender ? sender->node() : self->node();
  auto promise = self->make_response_promise<Answer>();
  give_up(self, self->state.setup->supervisor, peer, defect);
  return promise.deliver(to_caf(defect));
}

} // namespace

shard_actor::behavior_type shard(shard_pointer self, std::shared_ptr<shard_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  const auto id = setup->options.id;
  self->state.twin.emplace(std::move(setup->options));
  setup->options.id = id;
  self->delayed_send(self, tick_period, tick_atom::value);
  return {
      [self](const framed<pull_request>& pull) {
        if (!pull) return refuse<framed<pull_reply>>(self, pull.defect);
        auto promise = self->make_response_promise<framed<pull_reply>>();
        const auto to = self->state.tickets.draw();
        self->state.pulls.add(to, promise);
        carry_out(self, self->state.twin->on_pull(*pull, to, now(self)));
        return promise;
      },
      [self](const framed<gradient_push>& push) {
        if (!push) return refuse<push_ack>(self, push.defect);
        auto promise = self->make_response_promise<push_ack>();
        const auto to = self->state.tickets.draw();
        self->state.pushes.add(to, promise);
        carry_out(self, self->state.twin->on_push(push.value, to, now(self)));
        return promise;
      },
      [self](const snapshot_request&) {
        self->send(self->state.setup->supervisor, self->state.twin->report());
        return framed<pull_reply>(self->state.twin->on_snapshot());
      },
      [self](const membership_view& view) {
        carry_out(self, self->state.twin->on_view(view, now(self)));
        auto self_stamp = self->state.twin->self();
        self_stamp.view = self->state.twin->view();
        return view_ack{self_stamp};
      },
      [self](tick_atom) {
        self->send(self->state.setup->supervisor, self->state.twin->report());
        settle(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
