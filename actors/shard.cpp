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
  // A replica that is promoted speaks as somebody else from then on.
  made.lose = [self, supervisor = setup.supervisor](const actor_life& peer, const error& why) {
    report_loss(supervisor, self->state.port->self(), peer, why);
  };
  if (setup.writer)
    made.captured = [self,
                     writer = setup.writer](std::shared_ptr<const runtime::shard_state> state) {
      caf::anon_send(writer, shard_part{self->state.port->self(), std::move(state)});
    };
  made.fail = [supervisor = setup.supervisor, who = setup.process](const error& why) {
    caf::anon_send(supervisor, actor_loss{who, why.text});
  };
  made.refilling = [self, supervisor = setup.supervisor] {
    caf::anon_send(supervisor, replica_filling{self->state.port->self()});
  };
  made.replicated = [self, supervisor = setup.supervisor](const actor_life& who) {
    caf::anon_send(supervisor, replica_follows{self->state.port->self(), who});
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

void fill(shard_pointer self, const replica_found& news) {
  const auto& state = self->state;
  const auto link = state.seat->plane->connect(news.at);
  if (!link) return report_loss(state.supervisor, state.self, news.who, link.error());
  on_port(self, [link = link.value(), who = news.who](shard_port& port) {
    port.fill_replica(link, who);
  });
}

/// The replica is up as its shard once its port has taken that over.
void promote(shard_pointer self, const promotion& order) {
  auto& state = self->state;
  state.self = order.self;
  const auto own = caf::actor_cast<caf::weak_actor_ptr>(self);
  const auto open = state.journal_from ? state.journal_from(order.self) : journal_continuer();
  on_port(self, [own, order, open, supervisor = state.supervisor, process = state.process,
                 at = state.seat->plane->where()](shard_port& port) {
    const auto done = port.promote(order.self, open);
    if (!done) return caf::anon_send(supervisor, actor_loss{process, done.error().text});
    if (const auto actor = caf::actor_cast<shard_actor>(own.lock()))
      caf::anon_send(supervisor, actor_ready{{order.self.name, order.self.life}, {}, at}, actor);
  });
}

/// Of a replica, by its own name.
shard_report named(shard_report report, const actors::shard_state& own) {
  if (report.from.life == incarnation{}) {
    report.from.name = own.process.name;
    report.from.life = own.process.life;
  }
  return report;
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
  state.process = setup->process;
  state.journal_from = setup->journal_from;
  state.port.emplace(std::move(setup->options), hooks_of(self, *setup));
  state.seat = std::move(setup->seat);
  state.port->attach(*state.seat->plane);
  if (setup->replica) state.port->use_replica(setup->replica->first, setup->replica->second);
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
        self->send(self->state.supervisor, named(report, self->state));
        for (auto& promise : std::exchange(self->state.asked, {})) promise.deliver(report);
      },
      [self](const replica_loss& gone) {
        on_port(self, [gone](shard_port& port) { port.drop_replica(gone.who); });
      },
      [self](const replica_found& news) { fill(self, news); },
      [self](const promotion& order) { promote(self, order); },
      [self](const arrival& x) { self->state.port->on_frame(x.from, *x.what); },
      [self](const link_loss& x) { self->state.port->on_down(x.gone, x.why); },
      [self](tick_atom) {
        ask_for_report(self);
        self->delayed_send(self, tick_period, tick_atom::value);
      },
  };
}

} // namespace lagrange::actors
