#include "actors/supervisor.hpp"

#include "actors/supervisor_parts.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace lagrange::actors {

using namespace runtime;

namespace {

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

} // namespace

// ---- effects ------------------------------------------------------------------------------------

namespace {

bool is_order(const supervisor_effects& x) {
  return !(x.launches.empty() && x.kills.empty() && x.promotions.empty() && x.found.empty() &&
           x.gone.empty() && x.placements.empty()) ||
         x.view || x.order || x.cut || x.whole || x.wants_figures || x.wants_nodes_ended;
}

/// Nobody is to hear of it who follows another supervisor by now. Whoever runs the job finds out
/// about that, too, and ends.
bool is_overruled(const supervisor_setup& setup, const supervisor_effects& effects) {
  return setup.may_command && is_order(effects) && !setup.may_command();
}

} // namespace

void carry_out(supervisor_pointer self, supervisor_effects effects) {
  auto& state = self->state;
  if (is_overruled(*state.setup, effects)) return;
  std::ranges::move(effects.events, std::back_inserter(state.events));
  for (const auto& who : effects.kills) {
    state.setup->nodes->kill(who);
    state.nodes.erase(who);
  }
  for (const auto& [replica, becomes] : effects.promotions) promote(self, replica, becomes);
  for (const auto& replica : effects.gone) drop_replica(self, replica);
  for (const auto& replica : effects.found) offer_replica(self, replica);
  for (const auto& who : effects.launches) launch(self, who);
  for (const auto& who : effects.farewells) bid_farewell(self, who);
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

namespace {

// ---- handlers -----------------------------------------------------------------------------------

void on_hello(supervisor_pointer self, const node_hello& hello, const node_actor& node) {
  self->state.nodes[hello.who] = node;
  self->monitor(node);
  if (!hello.is_return)
    return carry_out(self, self->state.twin->on_join(hello.who, hello.pid, now(self)));
  self->state.setup->nodes->adopt(hello.who, hello.pid, self);
  carry_out(self, self->state.twin->on_return({hello.who, hello.is, hello.pid}, now(self)));
}

switch_receipt on_switch_request(supervisor_pointer self, const switch_request& wish) {
  supervisor_effects effects;
  const auto receipt = self->state.twin->on_switch_request(wish, now(self), effects);
  carry_out(self, std::move(effects));
  return receipt;
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
  made.vacant = x.twin->vacant();
  if (made.outcome == job_outcome::done) made.parameters = x.parameters;
  return made;
}

namespace {

/// The writer is the supervisor's own.
void end_writer_with(supervisor_pointer self, const checkpoint_writer_actor& writer) {
  self->attach_functor([writer] { caf::anon_send_exit(writer, caf::exit_reason::user_shutdown); });
}

void set_up(supervisor_pointer self, const std::shared_ptr<const supervisor_setup>& setup) {
  self->state.setup = setup;
  self->state.twin.emplace(setup->options, now(self));
  self->state.seat = take_seat(setup->open_plane, setup->needs);
  self->state.seat->receives.attach(caf::actor_cast<caf::weak_actor_ptr>(self));
  end_writer_with(self, setup->writer);
  self->set_down_handler([self](caf::down_msg& down) { on_node_down(self, down); });
}

} // namespace

supervisor_actor::behavior_type supervisor(supervisor_pointer self,
                                           std::shared_ptr<const supervisor_setup> setup) {
  quit_on_exceptions(self);
  set_up(self, setup);
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
        carry_out(self, self->state.twin->on_link_loss(loss.who, loss.cause, loss.by, now(self)));
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
      [self](const switch_request& wish) { return on_switch_request(self, wish); },
      [self](const join_request& wish) { return admit(self, wish); },
      [self](const membership_question& asked) { return self->state.twin->on_question(asked); },
      [self](const drain_request& wish) { return drain(self, wish); },
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
