#include "actors/supervisor.hpp"

#include <algorithm>

namespace lagrange::actors {

namespace {

using namespace runtime;
using supervisor_pointer = supervisor_actor::stateful_pointer<supervisor_state>;
using snapshots = std::vector<std::shared_ptr<const pull_reply>>;

/// A node process that dies closes its connection about 1 ms before it is known how it ended; so
/// long its end is waited for, because it tells more.
constexpr std::chrono::milliseconds process_end_grace{300};

void carry_out(supervisor_pointer self, supervisor_effects effects);

// ---- placing ------------------------------------------------------------------------------------

peers peers_of(supervisor_pointer self) {
  auto& state = self->state;
  peers made;
  made.feeder_at = state.feeder_at;
  if (state.feeder_at.port == 0) made.feeder = state.feeder;
  for (const auto& [index, shard] : state.shards) {
    made.shards_at.push_back(shard.second);
    if (shard.second.port == 0) made.shards.push_back(shard.first);
  }
  const auto& setup = *state.setup;
  if (setup.feeder_link && made.feeder) made.feeder = setup.feeder_link(made.feeder);
  if (setup.shard_link)
    for (auto& shard : made.shards) shard = setup.shard_link(shard);
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
    self->request(shard.first, request_deadline, view).then(acknowledged, missed);
}

// ---- evaluating and collecting ------------------------------------------------------------------

/// Asks every shard for what it holds, and calls `then` when all have answered; never, if one dies.
void collect(supervisor_pointer self, std::function<void(snapshots)> then) {
  struct collection {
    snapshots replies;
    std::size_t open;
  };
  const auto& shards = self->state.shards;
  auto open = std::make_shared<collection>(collection{snapshots(shards.size()), shards.size()});
  for (const auto& [index, shard] : shards)
    self->request(shard.first, request_deadline, snapshot_request{self->state.twin->self()})
        .then(
            [open, then, at = index](const framed<pull_reply>& reply) {
              open->replies[at] = reply.value;
              if (--open->open == 0) then(open->replies);
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
    carry_out(self, self->state.twin->on_figures(now(self)));
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

void on_accusation(supervisor_pointer self, const caf::node_id& peer, const std::string& text) {
  for (const auto& [who, node] : self->state.nodes)
    if (node.node() == peer) self->send(self, actor_loss{who, "sent a bad frame: " + text});
  self->state.events.push_back("a connection was closed because of a bad frame: " + text);
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
        self->state.feeder_at = ready.at;
        on_ready(ready);
      },
      [self, on_ready](const actor_ready& ready, const shard_actor& shard) {
        self->state.shards[ready.who.name.index] = {shard, ready.at};
        on_ready(ready);
      },
      on_ready,
      [self](const actor_loss& loss) {
        carry_out(self, self->state.twin->on_loss(loss.who, loss.cause, now(self)));
      },
      [self](const caf::node_id& peer, const std::string& text) {
        on_accusation(self, peer, text);
      },
      [on_report](const worker_report& report) { on_report(report); },
      [on_report](const shard_report& report) { on_report(report); },
      [on_report](const feeder_report& report) { on_report(report); },
      [self](const watch_request&) { return watch(self); },
      [self](end_atom) { return result_of(self); },
      [self](end_atom, int) { carry_out(self, self->state.twin->on_stop(now(self))); },
      [self](tick_atom) {
        carry_out(self, self->state.twin->on_tick(now(self)));
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
