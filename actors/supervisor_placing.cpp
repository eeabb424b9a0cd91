// Who is told what: placements, views, switches of the policy, and where a shard goes on.
#include "actors/supervisor_parts.hpp"

#include <caf/send.hpp>

namespace lagrange::actors {

using namespace runtime;

namespace {

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

} // namespace

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

namespace {

/// Workers that are being placed hear of it once they are.
void tell_workers(supervisor_pointer self, const shard_moved& news) {
  for (const auto& [who, node] : self->state.nodes)
    if (who.name.role == actor_role::worker) self->send(node, news);
}

} // namespace

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

} // namespace lagrange::actors
