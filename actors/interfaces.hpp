/// \file
/// The control plane on one page: which actor takes which message, and what it answers. Handles are
/// typed and come in at spawn; nobody looks anybody up. What a step needs (leases, pulls, pushes)
/// travels as frames of the tensor plane instead.
///
/// The spellings of CAF 0.17 that later releases change (signatures, type ids, inspection) are kept
/// to this header and actors/dialect.hpp.
#pragma once

#include "runtime/assembly.hpp"
#include "runtime/control.hpp"
#include "runtime/cut_messages.hpp"
#include "runtime/elastic_messages.hpp"
#include "runtime/messages.hpp"
#include "runtime/replica_messages.hpp"
#include "runtime/reports.hpp"
#include "runtime/rounds.hpp"
#include "runtime/transport/endpoint.hpp"

#include <caf/atom.hpp>
#include <caf/replies_to.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lagrange::actors {

/// A few times a second, from an actor to itself: report, repeat what got lost.
using tick_atom = caf::atom_constant<caf::atom("tick")>;
/// The time that a twin asked for is over.
using wake_atom = caf::atom_constant<caf::atom("wake")>;
/// Begin the job.
using start_atom = caf::atom_constant<caf::atom("start")>;
/// End in order.
using end_atom = caf::atom_constant<caf::atom("end")>;

/// Tell your figures.
using report_atom = caf::atom_constant<caf::atom("report")>;

/// What an actor's endpoint on the tensor plane has received; stays inside the process. The frames
/// themselves, and who sends which to whom, are in schema/frame.capnp.
struct arrival {
  runtime::transport::link_id from;
  std::shared_ptr<const runtime::transport::frame> what;
};
/// A link of the actor's endpoint is gone; stays inside the process.
struct link_loss {
  runtime::transport::link_id gone;
  runtime::error why;
};

using shard_actor =
    caf::typed_actor<caf::replies_to<runtime::membership_view>::with<runtime::view_ack>,
                     caf::replies_to<report_atom>::with<runtime::shard_report>,
                     caf::replies_to<runtime::switch_order>::with<runtime::switch_ack>,
                     caf::reacts_to<runtime::switch_ack>,    // from its port, for the supervisor
                     caf::reacts_to<runtime::settlement>,    // from its port, for the feeder
                     caf::reacts_to<runtime::round_request>, // likewise
                     caf::reacts_to<runtime::shard_report>,  // from its port, for the supervisor
                     caf::reacts_to<runtime::replica_found>,
                     caf::reacts_to<runtime::replica_loss>, // supervisor
                     caf::reacts_to<runtime::promotion>,    // supervisor, to a replica
                     caf::reacts_to<arrival>, caf::reacts_to<link_loss>, caf::reacts_to<tick_atom>>;

using feeder_actor = caf::typed_actor<
    caf::replies_to<runtime::settlement>::with<runtime::settlement_ack>, // shards
                                                                         // From shards: answered
                                                                         // when the round is
                                                                         // closed.
    caf::replies_to<runtime::round_request>::with<runtime::round_closing>,
    caf::replies_to<runtime::switch_order>::with<runtime::switch_ack>, // supervisor
    caf::reacts_to<runtime::cut_order>,                                // supervisor
    caf::replies_to<runtime::membership_view>::with<runtime::view_ack>, caf::reacts_to<arrival>,
    caf::reacts_to<link_loss>, caf::reacts_to<wake_atom>, caf::reacts_to<tick_atom>>;

/// A part of the gradient of the step under way, which never leaves the worker's process.
struct part_done {
  std::shared_ptr<const runtime::early_part> part;
};

// It asks; its own computation tells it something, and its node where a shard has gone.
using worker_actor =
    caf::typed_actor<caf::reacts_to<part_done>, caf::reacts_to<arrival>, caf::reacts_to<link_loss>,
                     caf::reacts_to<runtime::shard_moved>, // from its node
                     caf::reacts_to<wake_atom>, caf::reacts_to<tick_atom>>;

/// A step's work, which never leaves the worker's process either.
struct step_order {
  std::shared_ptr<const runtime::step_task> task;
  worker_actor tells; ///< of parts that are ready before the rest
};
struct step_done {
  std::shared_ptr<const runtime::step_result> result;
};
using compute_actor = caf::typed_actor<caf::replies_to<step_order>::with<step_done>>;

/// Parameters to be evaluated, which stay inside the supervisor's process.
struct evaluation_order {
  runtime::gathered_parameters parameters;
};
struct evaluation_done {
  ops::scores found;
};
using evaluator_actor = caf::typed_actor<caf::replies_to<evaluation_order>::with<evaluation_done>>;

/// One whom a placed actor talks to on the tensor plane.
struct peer {
  runtime::actor_life who;
  runtime::transport::address at;
};
/// Whom a placed actor talks to. Control messages to the feeder go by its handle inside a process;
/// from another process an actor connects to the endpoint itself, so that nothing is routed through
/// the supervisor.
struct peers {
  peer feeder;
  std::vector<peer> shards;   ///< by number
  std::vector<peer> replicas; ///< by number of their shard; none: there are none
  runtime::endpoint feeder_at;
  feeder_actor feeder_control; ///< null where feeder_at has a port
};

/// What a shard held at a cut, and what a worker had not sent; they stay inside their process.
struct shard_part {
  runtime::stamp from;
  std::shared_ptr<const runtime::shard_state> state;
};
struct residual_part {
  runtime::stamp from;
  runtime::cut_number cut;
  std::shared_ptr<const std::vector<std::byte>> memory;
};
/// A cut of which every part is on the disk; stays inside the supervisor's process.
struct manifest_order {
  std::shared_ptr<const runtime::whole_cut> what;
};
struct manifest_done {
  runtime::cut_number cut;
  std::string failure; ///< why the cut cannot be written down as whole; empty: it is
};
// Writes to the disk, so that nobody else waits for it; tells the supervisor of each part.
using checkpoint_writer_actor =
    caf::typed_actor<caf::reacts_to<shard_part>, caf::reacts_to<residual_part>,
                     caf::replies_to<manifest_order>::with<manifest_done>>;

using node_actor = caf::typed_actor<caf::reacts_to<runtime::placement, peers>, // host this actor
                                    caf::reacts_to<runtime::shard_moved>,      // for the worker
                                    caf::reacts_to<end_atom>>;

/// How a job ended; stays inside the supervisor's process.
struct job_end {
  std::shared_ptr<const runtime::job_result> what;
};

using supervisor_actor = caf::typed_actor<
    caf::reacts_to<start_atom>,                         // once it can be reached
    caf::reacts_to<runtime::node_hello, node_actor>,    // a node has come up
    caf::reacts_to<runtime::actor_ready, feeder_actor>, // an actor has come up on its node
    caf::reacts_to<runtime::actor_ready, shard_actor>, caf::reacts_to<runtime::actor_ready>,
    caf::reacts_to<runtime::actor_loss>, // from nodes and the launcher
    caf::reacts_to<runtime::worker_report>, caf::reacts_to<runtime::shard_report>,
    caf::reacts_to<runtime::feeder_report>, caf::reacts_to<arrival>, caf::reacts_to<link_loss>,
    caf::reacts_to<runtime::replica_follows>, caf::reacts_to<runtime::replica_filling>, // shards
    caf::reacts_to<runtime::part_report>, // from checkpoint writers
    caf::replies_to<runtime::watch_request>::with<runtime::watch_reply>,
    caf::replies_to<runtime::switch_request>::with<runtime::switch_receipt>,
    caf::replies_to<runtime::join_request>::with<runtime::join_answer>, // from a node to be
    caf::replies_to<runtime::membership_question>::with<runtime::membership_answer>,
    caf::replies_to<runtime::drain_request>::with<runtime::drain_receipt>,
    caf::replies_to<end_atom>::with<job_end>, // once is_over: what is left of the job
    caf::reacts_to<end_atom, int>,            // stop in order because of this signal
    caf::reacts_to<tick_atom>>;

template <class Inspector>
auto inspect(Inspector& f, peer& x) {
  return f(x.who, x.at);
}
template <class Inspector>
auto inspect(Inspector& f, peers& x) {
  return f(x.feeder, x.shards, x.replicas, x.feeder_at, x.feeder_control);
}

} // namespace lagrange::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::arrival)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::link_loss)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::part_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::step_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::step_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::shard_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::residual_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::manifest_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::manifest_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::evaluation_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::evaluation_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::job_end)

CAF_BEGIN_TYPE_ID_BLOCK(lagrange, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::membership_view))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::view_ack))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::settlement))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::settlement_ack))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::placement))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::node_hello))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::actor_ready))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::actor_loss))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::worker_report))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::shard_report))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::feeder_report))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::watch_request))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::watch_reply))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::round_request))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::round_closing))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::switch_order))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::switch_ack))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::switch_request))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::switch_receipt))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::cut_order))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::part_report))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::replica_follows))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::replica_loss))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::replica_found))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::replica_filling))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::promotion))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::shard_moved))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::join_request))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::join_answer))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::membership_question))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::membership_answer))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::drain_request))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::drain_receipt))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::peers))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::feeder_actor))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::shard_actor))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::node_actor))
CAF_END_TYPE_ID_BLOCK(lagrange)
