#include "actors/supervisor.hpp"

#include "runtime/wire.hpp"

#include <algorithm>

namespace lagrange::actors {

namespace {

using namespace runtime;
using supervisor_pointer = supervisor_actor::stateful_pointer<supervisor_state>;
using snapshots = std::vector<std::shared_ptr<const pull_reply>>;

/// Parameters that have not come by then are asked for again. A shard whose queue is full drops the
/// answer, and the end of a job waits 5 s for it.
constexpr std::chrono::milliseconds snapshot_retry{1000};

void carry_out(supervisor_pointer self, supervisor_effects effects);

// ---- placing ------------------------------------------------------------------------------------

peers peers_of(supervisor_pointer self) {
  const auto& state = self->state;
  peers made;
  made.feeder = {state.feeder_ready.who, state.feeder_ready.plane};
  for (const auto& [index, shard] : state.shards) made.shards.push_back({shard.who, shard.plane});
  made.feeder_at = state.feeder_ready.at;
  if (made.feeder_at.port == 0) made.feeder_control = state.feeder;
  if (state.setup->feeder_link && made.feeder_control)
    made.feeder_control = state.setup->feeder_link(made.feeder_control);
  return made;
}

void place(supervisor_pointer self, const actor_life& who) {
  auto order = self->state.setup->order;
  order.self = self->state.twin->self();
  order.self.name = who.name;
  order.self.life = who.life;
  if (const auto node = self->state.nodes.find(who); node != self->state.nodes.end())
    self->send(node->second, std::move(order), peers_of(self));
}

void launch(supervisor_pointer self, const actor_life& who) {
  if (const auto made = self->state.setup->nodes->launch(who, self); !made)
    self->send(self, actor_loss{who, "could not be started: " + made.error().text});
}

void send_view(supervisor_pointer self, const membership_view& view) {
  const auto acknowledged = [self](const view_ack& ack) { self->state.twin->on_view_ack(ack); };
  const auto missed = [](const caf::error&) {}; // the twin sends it again
  if (self->state.feeder)
    self->request(self->state.feeder, request_deadline, view).then(acknowledged, missed);
  for (const auto& [index, shard] : self->state.shards)
    self->request(shard.control, request_deadline, view).then(acknowledged, missed);
}

/// The shard is up: what it holds can be asked for, for evaluations and at the end.
void on_shard_ready(supervisor_pointer self, const actor_ready& ready, const shard_actor& shard) {
  auto& state = self->state;
  supervisor_state::placed_shard made{ready.who, shard, ready.plane, {}};
  if (const auto link = state.seat->plane->connect(ready.plane))
    made.link = link.value();
  else
    self->send(self, actor_loss{ready.who, "cannot be reached: " + link.error().text});
  state.shards[ready.who.name.index] = std::move(made);
}

// ---- evaluating and collecting ------------------------------------------------------------------

/// Asks the shards that have not answered yet.
void ask(supervisor_pointer self, supervisor_state::collection& what) {
  const auto& state = self->state;
  what.asked = now(self);
  for (const auto& [index, shard] : state.shards)
    if (!what.replies[index])
      state.seat->plane->send(shard.link,
                              encode(snapshot_request{state.twin->self(), what.sequence}));
}

/// Asks every shard for what it holds, and calls `then` when all have answered; never, if one dies.
void collect(supervisor_pointer self, std::function<void(snapshots)> then) {
  auto& state = self->state;
  state.collecting.push_back(
      {++state.collections, {}, snapshots(state.shards.size()), std::move(then)});
  ask(self, state.collecting.back());
}

void ask_again(supervisor_pointer self) {
  for (auto& each : self->state.collecting)
    if (now(self) - each.asked >= snapshot_retry) ask(self, each);
}

void on_snapshot(supervisor_pointer self, std::uint32_t shard, pull_reply reply) {
  auto& waiting = self->state.collecting;
  const auto asked =
      std::ranges::find(waiting, reply.clock.value, &supervisor_state::collection::sequence);
  if (asked == waiting.end()) return; // of a request that was repeated
  asked->replies[shard] = std::make_shared<const pull_reply>(std::move(reply));
  if (std::ranges::find(asked->replies, nullptr) != asked->replies.end()) return;
  auto whole = std::move(*asked);
  waiting.erase(asked);
  whole.then(std::move(whole.replies));
}

void on_arrival(supervisor_pointer self, const arrival& x) {
  for (const auto& [index, shard] : self->state.shards) {
    if (shard.link != x.from || kind_of(*x.what) == frame_kind::rejection) continue;
    auto reply = decode<pull_reply>(*x.what);
    if (reply) return on_snapshot(self, index, std::move(reply).value());
    self->send(self, actor_loss{shard.who, "sent a bad frame: " + reply.error().text});
  }
}

/// A shard that closed the link may only have missed this process for a while, as when a person
/// stops it and lets it go on: a shard that lives takes a new link, one that is dead refuses it.
void on_link_loss(supervisor_pointer self, const link_loss& x) {
  for (auto& [index, shard] : self->state.shards) {
    if (shard.link != x.gone) continue;
    if (x.why.code == errc::peer_gone)
      if (const auto again = self->state.seat->plane->connect(shard.plane)) {
        shard.link = again.value();
        continue;
      }
    report_loss(self, self->state.twin->self(), shard.who, x.why);
  }
}

/// Has every shard tell its figures, and then calls `then`; never, if one dies.
void ask_for_reports(supervisor_pointer self, std::function<void()> then) {
  auto open = std::make_shared<std::size_t>(self->state.shards.size());
  for (const auto& [index, shard] : self->state.shards)
    self->request(shard.control, request_deadline, report_atom::value)
        .then(
            [self, open, then](const shard_report& report) {
              carry_out(self, self->state.twin->on_report(report, now(self)));
              if (--*open == 0) then();
            },
            [](const caf::error&) {});
}

void evaluate(supervisor_pointer self, snapshots parameters, std::uint32_t epoch) {
  auto& state = self->state;
  const bool is_whole = std::ranges::find(parameters, nullptr) == parameters.end();
  if (!state.setup->evaluator || !is_whole) return;
  state.is_evaluating = true;
  self->request(state.setup->evaluator, step_deadline, evaluation_order{std::move(parameters)})
      .then(
          [self, epoch](const evaluation_done& done) {
            self->state.is_evaluating = false;
            carry_out(self, self->state.twin->on_evaluation(done.found, epoch, now(self)));
          },
          [self](const caf::error& why) {
            self->state.is_evaluating = false;
            self->state.events.push_back("the evaluation " + cause_of(why));
          });
}

void collect_figures(supervisor_pointer self) {
  collect(self, [self](snapshots parameters) {
    self->state.parameters = parameters;
    evaluate(self, std::move(parameters), self->state.twin->epochs_finished());
    ask_for_reports(self, [self] { carry_out(self, self->state.twin->on_figures(now(self))); });
  });
}

void evaluate_now(supervisor_pointer self) {
  if (self->state.is_evaluating) return; // the last one is not done: this epoch goes without
  const auto epoch = self->state.twin->epochs_finished();
  collect(self,
          [self, epoch](snapshots parameters) { evaluate(self, std::move(parameters), epoch); });
}

// ---- effects ------------------------------------------------------------------------------------

void carry_out(supervisor_pointer self, supervisor_effects effects) {
  auto& state = self->state;
  std::ranges::move(effects.events, std::back_inserter(state.events));
  for (const auto& who : effects.kills) {
    state.setup->nodes->kill(who);
    state.nodes.erase(who);
  }
  for (const auto& who : effects.launches) launch(self, who);
  for (const auto& who : effects.placements) place(self, who);
  if (effects.view) send_view(self, *effects.view);
  if (effects.wants_evaluation) evaluate_now(self);
  if (effects.wants_figures) collect_figures(self);
  if (effects.wants_nodes_ended)
    for (const auto& [who, node] : state.nodes) self->send(node, end_atom::value);
}

// ---- handlers -----------------------------------------------------------------------------------

void on_hello(supervisor_pointer self, const node_hello& hello, const node_actor& node) {
  self->state.nodes[hello.who] = node;
  self->monitor(node);
  carry_out(self, self->state.twin->on_join(hello.who, hello.pid, now(self)));
}

void on_node_down(supervisor_pointer self, const caf::down_msg& down) {
  for (const auto& [who, node] : self->state.nodes) {
    if (down.source != node.address()) continue;
    actor_loss loss{who, cause_of(down.reason)};
    if (node.node() == self->node())
      self->send(self, std::move(loss));
    else
      self->delayed_send(self, process_end_grace, std::move(loss));
  }
}

bool is_over(supervisor_pointer self) {
  return self->state.twin->phase() == job_phase::ended && !self->state.is_evaluating;
}

watch_reply watch(supervisor_pointer self) {
  return {self->state.twin->status(now(self)), std::exchange(self->state.events, {}),
          is_over(self)};
}

job_end result_of(supervisor_pointer self) {
  const auto& twin = *self->state.twin;
  auto made = std::make_shared<job_result>();
  made->outcome = twin.outcome();
  made->cause = twin.cause();
  made->figures = twin.summarise();
  if (made->outcome == job_outcome::done) made->parameters = self->state.parameters;
  return {std::move(made)};
}

} // namespace

supervisor_actor::behavior_type supervisor(supervisor_pointer self,
                                           std::shared_ptr<const supervisor_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  self->state.twin.emplace(setup->options, now(self));
  self->state.seat = take_seat(setup->open_plane, setup->needs);
  self->state.seat->receives.attach(caf::actor_cast<caf::weak_actor_ptr>(self));
  self->set_down_handler([self](caf::down_msg& down) { on_node_down(self, down); });
  const auto on_report = [self](const auto& report) {
    carry_out(self, self->state.twin->on_report(report, now(self)));
  };
  const auto on_ready = [self](const actor_ready& ready) {
    carry_out(self, self->state.twin->on_ready(ready.who, now(self)));
  };
  return {
      [self](start_atom) {
        self->delayed_send(self, tick_period, tick_atom::value);
        carry_out(self, self->state.twin->start(now(self)));
      },
      [self](const node_hello& hello, const node_actor& node) { on_hello(self, hello, node); },
      [self, on_ready](const actor_ready& ready, const feeder_actor& feeder) {
        self->state.feeder = feeder;
        self->state.feeder_ready = ready;
        on_ready(ready);
      },
      [self, on_ready](const actor_ready& ready, const shard_actor& shard) {
        on_shard_ready(self, ready, shard);
        on_ready(ready);
      },
      on_ready,
      [self](const actor_loss& loss) {
        carry_out(self, self->state.twin->on_loss(loss.who, loss.cause, now(self)));
      },
      [on_report](const worker_report& report) { on_report(report); },
      [on_report](const shard_report& report) { on_report(report); },
      [on_report](const feeder_report& report) { on_report(report); },
      [self](const arrival& x) { on_arrival(self, x); },
      [self](const link_loss& x) { on_link_loss(self, x); },
      [self](const watch_request&) { return watch(self); },
      [self](end_atom) { return result_of(self); },
      [self](end_atom, int) { carry_out(self, self->state.twin->on_stop(now(self))); },
      [self](tick_atom) {
        carry_out(self, self->state.twin->on_tick(now(self)));
        ask_again(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
