#include "actors/supervisor_relay.hpp"

#include "actors/guarded_network.hpp"

#include <caf/send.hpp>

namespace lagrange::actors {

namespace {

using namespace runtime;
using relay_pointer = supervisor_actor::stateful_pointer<relay_state>;

/// The folder is looked at so often: a part of the pause that an adoption takes.
constexpr std::chrono::milliseconds look_period{50};
/// News of losses that are kept without a supervisor. Each peer is lost once.
constexpr std::size_t untold_max = 256;

template <class Message>
relay_state::message as_message(Message what) {
  return [what = std::move(what)](const supervisor_actor& to) { caf::anon_send(to, what); };
}

/// What the next supervisor will know from the next report, or need not know.
template <class Message>
void pass(relay_pointer self, const Message& what) {
  if (self->state.twin->is_followed()) caf::anon_send(self->state.present, what);
}

/// What happens once.
template <class Message>
void keep_or_pass(relay_pointer self, const Message& what) {
  auto& state = self->state;
  if (state.twin->is_followed()) return caf::anon_send(state.present, what);
  state.untold.push_back(as_message(what));
  if (state.untold.size() > untold_max) state.untold.pop_front();
}

template <class Handle>
void keep_ready(relay_pointer self, const actor_ready& ready, const Handle& actor) {
  auto& state = self->state;
  state.hello.is = ready.who;
  state.ready = [ready, actor](const supervisor_actor& to) { caf::anon_send(to, ready, actor); };
  if (state.twin->is_followed()) state.ready(state.present);
}

/// The new supervisor gets to know the node as the old one did.
void introduce(relay_pointer self) {
  auto& state = self->state;
  if (!state.node) return; // it has not even said hello
  state.hello.is_return = true;
  caf::anon_send(state.present, state.hello, state.node);
  for (const auto& known : {state.ready, state.follows})
    if (known) known(state.present);
  for (const auto& news : std::exchange(state.untold, {})) news(state.present);
}

/// Nothing of the old supervisor gets through any more, if it is still there.
void follow(relay_pointer self, const supervisor_actor& next) {
  auto& state = self->state;
  self->demonitor(state.present.address());
  disconnect(self->system(), state.present.node());
  state.present = next;
  state.twin->on_connected();
  self->monitor(next);
  introduce(self);
}

void carry_out(relay_pointer self, const relay_effects& effects) {
  const auto& setup = *self->state.setup;
  if (effects.connect)
    if (const auto next = remote_actor<supervisor_actor>(self->system(), effects.connect->host,
                                                         effects.connect->port, setup.security))
      return follow(self, next.value()); // else it is tried again
  if (!effects.end) return;
  if (setup.last_words) setup.last_words(*effects.end);
  self->quit(caf::exit_reason::user_shutdown);
}

void look(relay_pointer self) {
  carry_out(self, self->state.twin->on_look(self->state.setup->look(), now(self)));
  self->delayed_send(self, look_period, tick_atom::value);
}

} // namespace

supervisor_actor::behavior_type supervisor_relay(relay_pointer self,
                                                 std::shared_ptr<const relay_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  self->state.twin.emplace(setup->options);
  self->state.present = setup->first;
  self->monitor(setup->first);
  self->set_down_handler([self](const caf::down_msg& down) {
    if (down.source == self->state.present.address())
      carry_out(self, self->state.twin->on_down(now(self)));
  });
  if (setup->look) self->send(self, tick_atom::value);
  return {
      [](start_atom) {},
      [self](const node_hello& hello, const node_actor& node) {
        self->state.hello = hello;
        self->state.node = node;
        if (self->state.twin->is_followed())
          caf::anon_send(self->state.present, hello, node);
        else
          introduce(self);
      },
      [self](const actor_ready& ready, const feeder_actor& actor) {
        keep_ready(self, ready, actor);
      },
      [self](const actor_ready& ready, const shard_actor& actor) {
        keep_ready(self, ready, actor);
      },
      [self](const actor_ready& ready) {
        self->state.hello.is = ready.who;
        self->state.ready = as_message(ready);
        pass(self, ready);
      },
      [self](const actor_loss& loss) { keep_or_pass(self, loss); },
      [self](const worker_report& report) { pass(self, report); },
      [self](const shard_report& report) { pass(self, report); },
      [self](const feeder_report& report) { pass(self, report); },
      [](const arrival&) {}, // frames go to the supervisor's own endpoint, as does what follows
      [](const link_loss&) {},
      [self](const replica_follows& news) {
        self->state.follows = as_message(news);
        pass(self, news);
      },
      [self](const replica_filling& news) { keep_or_pass(self, news); },
      [self](const part_report& part) { pass(self, part); }, // whose cut ends with its supervisor
      [](const watch_request&) { return watch_reply{}; },    // nobody asks a relay this
      [](const switch_request&) { return switch_receipt{}; },
      [](const join_request&) { return join_answer{}; },
      [](const membership_question&) { return membership_answer{}; },
      [](const drain_request&) { return drain_receipt{}; },
      [](end_atom) { return job_end{}; },
      [](end_atom, int) {},
      [self](tick_atom) { look(self); },
  };
}

} // namespace lagrange::actors
