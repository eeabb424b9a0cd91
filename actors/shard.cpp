#include "actors/shard.hpp"

#include <caf/send.hpp>

namespace lagrange::actors {

namespace {

using namespace runtime;
using shard_pointer = shard_actor::stateful_pointer<shard_state>;

/// Runs `work` where the port runs.
template <class Work>
void on_port(shard_pointer self, Work work) {
  auto& port = *self->state.port;
  if (self->state.seat->plane->runs_by_itself())
    self->state.seat->plane->post([&port, work] { work(port); });
  else
    work(port);
}

/// What the port says is sent to the actor itself, because the port may run in another thread. The
/// port ends with the actor, so it must not keep it alive.
shard_hooks hooks_of(shard_pointer self, const shard_setup& setup) {
  const auto own = caf::actor_cast<caf::weak_actor_ptr>(self);
  const auto tell = [own](auto what) {
    if (const auto actor = caf::actor_cast<shard_actor>(own.lock()))
      caf::anon_send(actor, std::move(what));
  };
  shard_hooks made;
  made.now = [self] { return now(self); }; // the clock belongs to the system
  made.journal = setup.journal;
  made.settle = tell;
  made.ask = tell;
  made.switched = tell;
  made.lose = [supervisor = setup.supervisor, who = setup.options.self](const actor_life& peer,
                                                                        const error& why) {
    report_loss(supervisor, who, peer, why);
  };
  if (setup.writer)
    made.captured = [writer = setup.writer,
                     who = setup.options.self](std::shared_ptr<const runtime::shard_state> state) {
      caf::anon_send(writer, shard_part{who, std::move(state)});
    };
  made.fail = [supervisor = setup.supervisor, who = setup.options.self](const error& why) {
    caf::anon_send(supervisor, actor_loss{{who.name, who.life}, why.text});
  };
  return made;
}

/// Tells the feeder of settled leases: it hears once per burst.
void settle(shard_pointer self, settlement news) {
  self->request(self->state.feeder, request_deadline, std::move(news))
      .then(
          [self](const settlement_ack& ack) {
            on_port(self, [ack](shard_port& port) { port.on_settlement_ack(ack); });
          },
          [self](const caf::error&) {
            on_port(self, [](shard_port& port) { port.settle_again(); });
          });
}

/// Asks the feeder how the round is closed, which it says when it is.
void ask(shard_pointer self, const round_request& question) {
  self->request(self->state.feeder, request_deadline, question)
      .then(
          [self](const round_closing& closing) {
            on_port(self, [closing](shard_port& port) { port.on_closing(closing); });
          },
          [self](const caf::error&) { on_port(self, [](shard_port& port) { port.ask_again(); }); });
}

void ask_for_report(shard_pointer self) {
  const auto own = caf::actor_cast<caf::weak_actor_ptr>(self);
  on_port(self, [own](shard_port& port) {
    if (const auto actor = caf::actor_cast<shard_actor>(own.lock()))
      caf::anon_send(actor, port.report());
  });
}

} // namespace

shard_actor::behavior_type shard(shard_pointer self, std::shared_ptr<shard_setup> setup) {
  quit_on_exceptions(self);
  auto& state = self->state;
  state.self = setup->options.self;
  state.feeder = setup->feeder;
  state.supervisor = setup->supervisor;
  state.port.emplace(std::move(setup->options), hooks_of(self, *setup));
  state.seat = std::move(setup->seat);
  state.port->attach(*state.seat->plane);
  if (state.seat->plane->runs_by_itself())
    state.seat->receives.attach(*state.port);
  else
    state.seat->receives.attach(caf::actor_cast<caf::weak_actor_ptr>(self));
  self->delayed_send(self, tick_period, tick_atom::value);
  return {
      [self](const membership_view& view) {
        on_port(self, [view](shard_port& port) { port.on_view(view); }); // in order, and never lost
        auto answer = self->state.self;
        if (view.from.job == answer.job && view.from.term == answer.term)
          answer.view = view.from.view;
        return view_ack{answer};
      },
      [self](report_atom) {
        auto promise = self->make_response_promise<shard_report>();
        self->state.asked.push_back(promise);
        ask_for_report(self);
        return promise;
      },
      [self](const switch_order& order) {
        auto promise = self->make_response_promise<switch_ack>();
        self->state.switching[{order.number, order.phase}] = promise;
        on_port(self, [order](shard_port& port) { port.on_switch(order); });
        return promise;
      },
      [self](const switch_ack& ack) {
        if (auto asked = self->state.switching.extract({ack.number, ack.phase}); !asked.empty())
          asked.mapped().deliver(ack);
      },
      [self](const settlement& news) { settle(self, news); },
      [self](const round_request& question) { ask(self, question); },
      [self](const shard_report& report) {
        self->send(self->state.supervisor, report);
        for (auto& promise : std::exchange(self->state.asked, {})) promise.deliver(report);
      },
      [self](const arrival& x) { self->state.port->on_frame(x.from, *x.what); },
      [self](const link_loss& x) { self->state.port->on_down(x.gone, x.why); },
      [self](tick_atom) {
        ask_for_report(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
