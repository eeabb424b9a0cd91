// What shards hold is asked for, and evaluated or kept as the job's result.
#include "actors/supervisor_parts.hpp"

#include "runtime/wire.hpp"

#include <caf/send.hpp>

namespace lagrange::actors {

using namespace runtime;

namespace {

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

} // namespace

void ask_again(supervisor_pointer self) {
  for (auto& each : self->state.collecting) send(self, each.twin.on_tick(now(self)));
}

namespace {

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

} // namespace

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

namespace {

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

} // namespace

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

} // namespace lagrange::actors
