#include "actors/node.hpp"

#include "actors/compute.hpp"
#include "actors/feeder.hpp"
#include "actors/guarded_network.hpp"
#include "actors/shard.hpp"
#include "actors/worker.hpp"
#include "runtime/cut_reader.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/job_devices.hpp"
#include "runtime/journal_history.hpp"

namespace lagrange::actors {

namespace {

using namespace runtime;
using node_pointer = node_actor::stateful_pointer<node_state>;

/// The job as this process understands it.
struct assembled {
  job what;
  data_facts facts;
  plane_needs needs;
};

assembled read(node_pointer self, const placement& order) {
  const auto& rows = *self->state.setup->catalog;
  auto what = parse_job(order.job_text, "the job's text", {}, rows).value();
  auto facts = facts_of(order);
  auto needs = make_plane_needs(what, rows, facts);
  needs.shape = chaos_of(what).link_of(order.self.name);
  needs.owner = order.self.name;
  return {std::move(what), std::move(facts), std::move(needs)};
}

/// That the cuts of the term's run are on. A cut_reader must not outlive it.
std::shared_ptr<file_system> disk_of(node_pointer self) {
  auto disk = self->state.setup->disk;
  return disk ? disk : local_files();
}

/// Calls `read` with the cut that the term begins with, if it does with one.
template <class Read>
void read_cut(node_pointer self, const placement& order, const Read& read) {
  if (!order.start.is_of_a_cut()) return;
  const auto disk = disk_of(self);
  const auto cut = cut_reader::open(*disk, order.start);
  if (!cut) throw ops::device_error(cut.error().text);
  read(cut.value());
}

/// Or the actor cannot begin.
template <class T>
T taken(result<T> found) {
  if (!found) throw ops::device_error(found.error().text);
  return std::move(found).value();
}

/// A handle to an actor of another process. Throws when it cannot be had.
template <class Handle>
Handle connect(node_pointer self, const endpoint& at, const Handle& local) {
  if (at.port == 0) return local;
  auto handle = remote_actor<Handle>(self->system(), at.host, at.port, self->state.setup->security);
  if (!handle) throw ops::device_error("no connection to a peer: " + handle.error().text);
  return std::move(handle.value());
}

template <class Handle>
endpoint publish(node_pointer self, const Handle& hosted) {
  const auto& listen = self->state.setup->listen;
  if (listen.empty()) return {};
  const auto port = actors::publish(self->system(), hosted, listen, 0, self->state.setup->security);
  if (!port) throw ops::device_error(port.error().text);
  return {listen, port.value()};
}

template <class Handle>
void watch(node_pointer self, const Handle& hosted) {
  self->state.hosted = caf::actor_cast<caf::strong_actor_ptr>(hosted);
  self->monitor(hosted);
}

void host_feeder(node_pointer self, const placement& order) {
  const auto& setup = *self->state.setup;
  const auto [what, facts, needs] = read(self, order);
  auto options = make_feeder(what, *setup.catalog, facts, order.self);
  options.cut = order.cut;
  options.lives = order.start.lives;
  read_cut(self, order, [&](const cut_reader& cut) {
    const auto run = std::filesystem::path(order.start.checkpoints).parent_path();
    options.past =
        taken(cut.feeder(options, taken(batches_told(run, order.start.origins(), options))));
  });
  auto made = std::make_shared<feeder_setup>(
      feeder_setup{std::move(options), open_data(what, *setup.catalog, data_split::train).value(),
                   take_seat(setup.open_plane, needs), setup.supervisor});
  const auto plane = made->seat->plane->where();
  const auto hosted = self->spawn(feeder, std::move(made));
  watch(self, hosted);
  self->send(setup.supervisor, actor_ready{setup.who, publish(self, hosted), plane}, hosted);
}

/// The sink of a shard's journal, which tells of hashes as well.
journal_sink open_journal(const node_setup& setup, const job& what, const placement& order,
                          shard_options& options) {
  if (!setup.journal) return {};
  auto head = make_journal_header(what, order.job_text, order.self);
  head.libraries = libraries_of(what, *setup.catalog);
  head.continues = order.start.origin_of({order.self.name.index});
  auto sink = setup.journal(head);
  if (!sink) throw ops::device_error(sink.error().text);
  options.hash_every = journal_hash_every;
  return std::move(sink).value();
}

/// The same for a replica, which keeps none before it is promoted.
std::function<journal_continuer(const stamp&)>
journal_of_promoted(std::shared_ptr<const node_setup> setup, const job& what,
                    const placement& order, shard_options& options) {
  if (!setup->journal) return {};
  options.hash_every = journal_hash_every;
  auto head = make_journal_header(what, order.job_text, order.self);
  head.libraries = libraries_of(what, *setup->catalog);
  return [setup = std::move(setup), head = std::move(head)](const stamp& self) mutable {
    head.life = self.life;
    return [setup, head](std::uint64_t records) mutable {
      head.continues = {head.term, records};
      return setup->journal(head);
    };
  };
}

/// Null where nothing is kept.
checkpoint_writer_actor start_writer(node_pointer self) {
  const auto& setup = *self->state.setup;
  if (!setup.writer) return {};
  auto made = setup.writer(self->system(), setup.supervisor);
  self->state.writer = caf::actor_cast<caf::strong_actor_ptr>(made);
  return made;
}

/// Begun alike, as long as the shard has had no input: none has before workers know its address.
void link_replica(shard_setup& made, const peers& others) {
  const auto index = made.options.id.value;
  if (index >= others.replicas.size()) return;
  const auto& replica = others.replicas[index];
  if (const auto link = made.seat->plane->connect(replica.at))
    made.replica = {link.value(), replica.who};
  else
    report_loss(made.supervisor, made.options.self, replica.who, link.error());
}

/// Of a replica: one that begins late is filled whatever it begins with, and the cut may be gone by
/// then (`checkpoint.keep`).
std::shared_ptr<const runtime::shard_state> restored_if_kept(node_pointer self,
                                                             const placement& order, shard_id id) {
  if (!order.start.is_of_a_cut()) return nullptr;
  const auto disk = disk_of(self);
  const auto cut = cut_reader::open(*disk, order.start);
  if (!cut) return nullptr;
  const auto state = cut.value().shard(id);
  return state ? state.value() : nullptr;
}

/// A shard, or its replica.
void host_shard(node_pointer self, const placement& order, const peers& others) {
  const auto& setup = *self->state.setup;
  const auto [what, facts, needs] = read(self, order);
  const bool is_replica = order.self.name.role == actor_role::replica;
  auto own = order;
  own.self.name.role = actor_role::shard;
  auto made = std::make_shared<shard_setup>();
  made->options = make_shard(what, *setup.catalog, facts, own.self);
  if (is_replica) made->options.self.life = {};
  made->options.cut = order.cut;
  if (is_replica)
    made->options.restored = restored_if_kept(self, order, made->options.id);
  else
    read_cut(self, order, [&](const cut_reader& cut) {
      made->options.restored = taken(cut.shard(made->options.id));
    });
  made->process = setup.who;
  if (is_replica)
    made->journal_from = journal_of_promoted(self->state.setup, what, own, made->options);
  else
    made->journal = open_journal(setup, what, own, made->options);
  made->seat = take_seat(setup.open_plane, needs);
  made->supervisor = setup.supervisor;
  if (!is_replica) link_replica(*made, others);
  made->feeder = connect(self, others.feeder_at, others.feeder_control);
  made->writer = start_writer(self);
  const auto plane = made->seat->plane->where();
  const auto hosted = self->spawn(shard, std::move(made));
  watch(self, hosted);
  self->send(setup.supervisor, actor_ready{setup.who, endpoint{}, plane}, hosted);
}

compute_actor start_compute(node_pointer self, const job& what, const data_facts& facts,
                            cut_number cut, transport::endpoint& plane) {
  const auto& setup = *self->state.setup;
  if (setup.compute)
    return setup.compute(self->system(), {what, facts, setup.who, setup.keeper, cut});
  auto made =
      std::make_shared<computation>(make_computation(what, *setup.catalog, facts, setup.keeper));
  made->begin_after(cut);
  use_device(*made, what, *setup.catalog, setup.who.name.index);
  made->use_memory([&plane](std::size_t bytes) { return plane.allocate(bytes); });
  return self->spawn<caf::detached>(
      compute, compute_setup{
                   std::move(made), what.topology.threads, {setup.who.name.index}, chaos_of(what)});
}

/// A link to a peer, or the peer is gone and this worker with it.
transport::link_id link_to(worker_setup& made, const peer& other) {
  const auto link = made.seat->plane->connect(other.at);
  if (!link)
    throw ops::device_error("no link to " + to_string(other.who.name) + ": " + link.error().text);
  made.peers[link.value()] = other.who;
  return link.value();
}

/// A link that leads nowhere if the shard has just died: it will be said where it goes on.
transport::link_id link_if_there(worker_setup& made, const peer& shard) {
  if (const auto link = made.seat->plane->connect(shard.at)) {
    made.peers[link.value()] = shard.who;
    return link.value();
  } else {
    report_loss(made.supervisor, made.options.self, shard.who, link.error());
    return {};
  }
}

void host_worker(node_pointer self, const placement& order, const peers& others) {
  const auto& setup = *self->state.setup;
  const auto [what, facts, needs] = read(self, order);
  auto made = std::make_shared<worker_setup>();
  made->options = make_worker(what, *setup.catalog, facts, order.self);
  made->seat = take_seat(setup.open_plane, needs);
  made->links.feeder = link_to(*made, others.feeder);
  made->supervisor = setup.supervisor;
  for (const auto& each : others.shards)
    made->links.shards.push_back(what.topology.replicas > 0 ? link_if_there(*made, each)
                                                            : link_to(*made, each));
  made->compute = start_compute(self, what, facts, order.cut, *made->seat->plane);
  made->writer = start_writer(self);
  self->state.compute = caf::actor_cast<caf::strong_actor_ptr>(made->compute);
  const auto hosted = self->spawn(worker, std::move(made));
  watch(self, hosted);
  self->send(setup.supervisor, actor_ready{setup.who, {}, {}});
}

void host(node_pointer self, const placement& order, const peers& others) {
  switch (order.self.name.role) {
  case actor_role::feeder:
    return host_feeder(self, order);
  case actor_role::shard:
  case actor_role::replica:
    return host_shard(self, order, others);
  case actor_role::worker:
    return host_worker(self, order, others);
  default:
    LAGRANGE_EXPECT(false, "no node hosts a " + std::string(name(order.self.name.role)));
  }
}

/// Ends what it hosts before it ends itself.
void take_down(node_pointer self, const caf::error& reason) {
  for (auto& actor : {self->state.hosted, self->state.compute, self->state.writer})
    if (actor) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  self->quit(reason);
}

void on_down(node_pointer self, const caf::down_msg& down) {
  const auto& setup = *self->state.setup;
  if (self->state.hosted && down.source == self->state.hosted->address())
    self->send(setup.supervisor, actor_loss{setup.who, cause_of(down.reason)});
  take_down(self, down.reason); // or the supervisor is gone, and the job with it
}

} // namespace

node_actor::behavior_type node(node_pointer self, std::shared_ptr<const node_setup> setup) {
  self->state.setup = setup;
  self->set_exception_handler([self](std::exception_ptr& thrown) -> caf::error {
    const auto why = from_exception(thrown);
    self->send(self->state.setup->supervisor, actor_loss{self->state.setup->who, cause_of(why)});
    return why;
  });
  self->set_down_handler([self](caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](caf::exit_msg& exit) { take_down(self, exit.reason); });
  self->monitor(setup->supervisor);
  self->send(setup->supervisor, node_hello{setup->who, setup->pid}, node_actor{self});
  return {
      [self](const placement& order, const peers& others) { host(self, order, others); },
      [self](const shard_moved& news) { // behind the placement, if the worker is just coming up
        if (const auto worker = caf::actor_cast<worker_actor>(self->state.hosted))
          self->send(worker, news);
      },
      [self](end_atom) { take_down(self, caf::exit_reason::normal); },
  };
}

} // namespace lagrange::actors
