#include "actors/supervisor.hpp"

#include "runtime/wire.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace lagrange::actors {

namespace {

using namespace runtime;
using supervisor_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

void carry_out(supervisor_pointer self, supervisor_effects effects);

// ---- placing ------------------------------------------------------------------------------------

peers peers_of(supervisor_pointer self) {
  const auto& state = self->state;
  peers made;
  made.feeder = {state.feeder_ready.who, state.feeder_ready.plane};
  for (const auto& [index, shard] : state.shards) made.shards.push_back({shard.who, shard.plane});
  for (const auto& [index, each] : state.replicas) made.replicas.push_back({each.who, each.plane});
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
  order.cut = self->state.twin->last_cut();
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

void send_order(supervisor_pointer self, const switch_order& order) {
  const auto done = [self](const switch_ack& ack) {
    carry_out(self, self->state.twin->on_switch_ack(ack, now(self)));
  };
  const auto missed = [](const caf::error&) {}; // the twin sends it again
  const bool is_for_shards =
      order.phase == switch_phase::hold || order.phase == switch_phase::commit;
  if (!is_for_shards)
    return self->request(self->state.feeder, request_deadline, order).then(done, missed);
  for (const auto& [index, shard] : self->state.shards)
    self->request(shard.control, request_deadline, order).then(done, missed);
}

/// Workers that are being placed hear of it once they are.
void tell_workers(supervisor_pointer self, const shard_moved& news) {
  for (const auto& [who, node] : self->state.nodes)
    if (who.name.role == actor_role::worker) self->send(node, news);
}

void promote(supervisor_pointer self, const actor_life& replica, const actor_life& becomes) {
  promotion order{self->state.twin->self()};
  order.self.name = becomes.name;
  order.self.life = becomes.life;
  const auto found = self->state.replicas.find(replica.name.index);
  if (found != self->state.replicas.end() && found->second.who == replica)
    self->send(found->second.control, order);
}

void offer_replica(supervisor_pointer self, const actor_life& replica) {
  const auto shard = self->state.shards.find(replica.name.index);
  const auto found = self->state.replicas.find(replica.name.index);
  if (shard != self->state.shards.end() && found != self->state.replicas.end() &&
      found->second.who == replica)
    self->send(shard->second.control,
               replica_found{self->state.twin->self(), replica, found->second.plane});
}

/// Workers ask a shard again that is where it was.
void let_ask_again(supervisor_pointer self, const replica_filling& news) {
  const auto shard = self->state.shards.find(news.from.name.index);
  if (shard != self->state.shards.end() && shard->second.who.life == news.from.life)
    tell_workers(self, {shard->second.who, shard->second.plane});
}

void drop_replica(supervisor_pointer self, const actor_life& replica) {
  const auto shard = self->state.shards.find(replica.name.index);
  if (shard != self->state.shards.end())
    self->send(shard->second.control, replica_loss{self->state.twin->self(), replica});
}

/// The shard is up: what it holds can be asked for, for evaluations and at the end.
void on_shard_ready(supervisor_pointer self, const actor_ready& ready, const shard_actor& shard) {
  auto& state = self->state;
  supervisor_state::placed_shard made{ready.who, shard, ready.plane, {}};
  if (ready.who.name.role == actor_role::replica) {
    state.replicas[ready.who.name.index] = std::move(made);
    return;
  }
  if (const auto link = state.seat->plane->connect(ready.plane))
    made.link = link.value();
  else
    self->send(self, actor_loss{ready.who, "cannot be reached: " + link.error().text});
  const auto [place, is_first] =
      state.shards.insert_or_assign(ready.who.name.index, std::move(made));
  if (!is_first) tell_workers(self, {ready.who, ready.plane});
}

// ---- evaluating and collecting ------------------------------------------------------------------

void send(supervisor_pointer self, const collection::requests& requests) {
  const auto& state = self->state;
  for (const auto& [shard, request] : requests)
    state.seat->plane->send(state.shards.at(shard.value).link, encode(request));
}

/// Asks every shard for what it holds, these rows among it, and calls `then` when all is here;
/// never, if one dies.
void collect(supervisor_pointer self, std::shared_ptr<const wanted_rows> rows,
             std::function<void(gathered_parameters)> then) {
  auto& state = self->state;
  const auto& split = state.twin->tables();
  if (split.empty()) rows = nullptr;
  state.collecting.push_back(
      {collection({state.twin->self(), ++state.collections, std::move(rows)}, split),
       std::move(then)});
  send(self, state.collecting.back().twin.start(now(self)));
}

void ask_again(supervisor_pointer self) {
  for (auto& each : self->state.collecting) send(self, each.twin.on_tick(now(self)));
}

/// Errors: bad_frame, of a shard that answers what it was not asked.
result<void> on_snapshot(supervisor_pointer self, shard_id shard, const pull_reply& reply) {
  auto& waiting = self->state.collecting;
  for (auto each = waiting.begin(); each != waiting.end(); ++each) {
    BOOST_OUTCOME_TRY(next, each->twin.on_reply(shard, reply, now(self)));
    send(self, next);
    if (!each->twin.is_whole()) continue;
    auto whole = std::move(*each);
    waiting.erase(each);
    whole.then(whole.twin.take());
    break; // `then` may have begun another
  }
  self->state.twin->on_parameters(now(self));
  return success();
}

void on_arrival(supervisor_pointer self, const arrival& x) {
  for (const auto& [index, shard] : self->state.shards) {
    if (shard.link != x.from || kind_of(*x.what) == frame_kind::rejection) continue;
    const auto reply = decode<pull_reply>(*x.what);
    auto why = reply ? error{} : reply.error();
    if (reply)
      if (const auto taken = on_snapshot(self, {index}, reply.value()); !taken) why = taken.error();
    if (why.code == errc::none) return;
    return self->send(self, actor_loss{shard.who, "sent a bad frame: " + why.text});
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

void evaluate(supervisor_pointer self, gathered_parameters parameters, double epoch) {
  auto& state = self->state;
  if (!state.setup->evaluator) return;
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

void finish(supervisor_pointer self, gathered_parameters whole) {
  self->state.parameters = std::move(whole);
  ask_for_reports(self, [self] { carry_out(self, self->state.twin->on_figures(now(self))); });
}

/// Tables are collected whole once the rows that are evaluated are here, and not beside them.
void collect_figures(supervisor_pointer self) {
  collect(self, self->state.setup->evaluated, [self](gathered_parameters parameters) {
    evaluate(self, parameters, self->state.twin->epochs_finished());
    if (self->state.twin->tables().empty()) return finish(self, std::move(parameters));
    collect(self, std::make_shared<const wanted_rows>(),
            [self](gathered_parameters whole) { finish(self, std::move(whole)); });
  });
}

void evaluate_now(supervisor_pointer self) {
  if (self->state.is_evaluating) return; // the last one is not done: this moment goes without
  const auto epoch = self->state.twin->epochs_evaluated();
  collect(self, self->state.setup->evaluated, [self, epoch](gathered_parameters parameters) {
    evaluate(self, std::move(parameters), epoch);
  });
}

// ---- cuts ---------------------------------------------------------------------------------------

/// The last part is on the disk: the cut is one once that is written down.
void write_down(supervisor_pointer self, whole_cut what) {
  const auto cut = what.cut;
  const auto kept = [self, cut](const std::string& failure) {
    carry_out(self, self->state.twin->on_kept(cut, failure, now(self)));
  };
  self->request(self->state.setup->writer, request_deadline,
                manifest_order{std::make_shared<const whole_cut>(std::move(what))})
      .then([kept](const manifest_done& done) { kept(done.failure); },
            [kept](const caf::error& why) { kept("its writer " + cause_of(why)); });
}

// ---- effects ------------------------------------------------------------------------------------

void carry_out(supervisor_pointer self, supervisor_effects effects) {
  auto& state = self->state;
  std::ranges::move(effects.events, std::back_inserter(state.events));
  for (const auto& who : effects.kills) {
    state.setup->nodes->kill(who);
    state.nodes.erase(who);
  }
  for (const auto& [replica, becomes] : effects.promotions) promote(self, replica, becomes);
  for (const auto& replica : effects.gone) drop_replica(self, replica);
  for (const auto& replica : effects.found) offer_replica(self, replica);
  for (const auto& who : effects.launches) launch(self, who);
  for (const auto& who : effects.placements) place(self, who);
  if (effects.view) send_view(self, *effects.view);
  if (effects.order) send_order(self, *effects.order);
  if (effects.cut) self->send(state.feeder, *effects.cut);
  if (effects.whole) write_down(self, std::move(*effects.whole));
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

} // namespace

bool is_over(const supervisor_state& x) {
  return x.twin->phase() == job_phase::ended && !x.is_evaluating;
}

watch_reply watch(supervisor_state& x, time_point now) {
  return {x.twin->status(now), std::exchange(x.events, {}), is_over(x)};
}

job_result result_of(const supervisor_state& x) {
  job_result made;
  made.outcome = x.twin->outcome();
  made.cause = x.twin->cause();
  made.fall = x.twin->fall();
  made.recoveries_ms = x.twin->recoveries_ms();
  made.figures = x.twin->summarise();
  made.workers = x.twin->shares();
  if (made.outcome == job_outcome::done) made.parameters = x.parameters;
  return made;
}

namespace {

/// The writer is the supervisor's own.
void end_writer_with(supervisor_pointer self, const checkpoint_writer_actor& writer) {
  self->attach_functor([writer] { caf::anon_send_exit(writer, caf::exit_reason::user_shutdown); });
}

} // namespace

supervisor_actor::behavior_type supervisor(supervisor_pointer self,
                                           std::shared_ptr<const supervisor_setup> setup) {
  quit_on_exceptions(self);
  self->state.setup = setup;
  self->state.twin.emplace(setup->options, now(self));
  self->state.seat = take_seat(setup->open_plane, setup->needs);
  self->state.seat->receives.attach(caf::actor_cast<caf::weak_actor_ptr>(self));
  end_writer_with(self, setup->writer);
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
      [self](const replica_follows& news) { carry_out(self, self->state.twin->on_follows(news)); },
      [self](const replica_filling& news) { let_ask_again(self, news); },
      [self](const part_report& part) {
        carry_out(self, self->state.twin->on_part(part, now(self)));
      },
      [self](const watch_request&) { return watch(self->state, now(self)); },
      [self](const switch_request& wish) {
        supervisor_effects effects;
        const auto receipt = self->state.twin->on_switch_request(wish, now(self), effects);
        carry_out(self, std::move(effects));
        return receipt;
      },
      [self](end_atom) {
        return job_end{std::make_shared<const job_result>(result_of(self->state))};
      },
      [self](end_atom, int) { carry_out(self, self->state.twin->on_stop(now(self))); },
      [self](tick_atom) {
        carry_out(self, self->state.twin->on_tick(now(self)));
        ask_again(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
