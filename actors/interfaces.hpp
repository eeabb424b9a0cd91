/// \file
/// The whole protocol on one page: which actor takes which message, and what it answers. Handles
/// are typed and come in at spawn; nobody looks anybody up.
///
/// The spellings of CAF 0.17 that later releases change (signatures, type ids, inspection) are kept
/// to this header and actors/dialect.hpp.
#pragma once

#include "runtime/assembly.hpp"
#include "runtime/control.hpp"
#include "runtime/messages.hpp"
#include "runtime/reports.hpp"
#include "runtime/wire.hpp"

#include <caf/atom.hpp>
#include <caf/node_id.hpp>
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

using runtime::framed;

using shard_actor = caf::typed_actor<
    caf::replies_to<framed<runtime::pull_request>>::with<framed<runtime::pull_reply>>, // when
                                                                                       // admitted
    caf::replies_to<framed<runtime::gradient_push>>::with<runtime::push_ack>,          // one frame
    caf::replies_to<runtime::snapshot_request>::with<framed<runtime::pull_reply>>,     // at once
    caf::replies_to<runtime::membership_view>::with<runtime::view_ack>, caf::reacts_to<tick_atom>>;

using feeder_actor = caf::typed_actor<
    caf::replies_to<runtime::lease_request>::with<framed<runtime::lease_grant>>, // when there is
                                                                                 // one
    caf::replies_to<runtime::settlement>::with<runtime::settlement_ack>,         // from shards
    caf::replies_to<runtime::membership_view>::with<runtime::view_ack>, caf::reacts_to<tick_atom>>;

// It asks; nobody asks it.
using worker_actor = caf::typed_actor<caf::reacts_to<wake_atom>, caf::reacts_to<tick_atom>>;

/// A step's work, which never leaves the worker's process.
struct step_order {
  std::shared_ptr<const runtime::step_task> task;
};
struct step_done {
  std::shared_ptr<const runtime::step_result> result;
};
using compute_actor = caf::typed_actor<caf::replies_to<step_order>::with<step_done>>;

/// Parameters to be evaluated, by shard, which stay inside the supervisor's process.
struct evaluation_order {
  std::vector<std::shared_ptr<const runtime::pull_reply>> parameters;
};
struct evaluation_done {
  ops::scores found;
};
using evaluator_actor = caf::typed_actor<caf::replies_to<evaluation_order>::with<evaluation_done>>;

/// Whom a placed actor talks to. A handle is for the same process; from another process an actor
/// connects to the endpoint itself, so that nothing is routed through the supervisor.
struct peers {
  runtime::endpoint feeder_at;
  std::vector<runtime::endpoint> shards_at;
  feeder_actor feeder;             ///< null where feeder_at has a port
  std::vector<shard_actor> shards; ///< empty where shards_at have ports
};

using node_actor = caf::typed_actor<caf::reacts_to<runtime::placement, peers>, // host this actor
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
    caf::reacts_to<runtime::actor_loss>,       // from nodes and the launcher
    caf::reacts_to<caf::node_id, std::string>, // this peer sent what is no frame: an accusation
    caf::reacts_to<runtime::worker_report>, caf::reacts_to<runtime::shard_report>,
    caf::reacts_to<runtime::feeder_report>,
    caf::replies_to<runtime::watch_request>::with<runtime::watch_reply>,
    caf::replies_to<end_atom>::with<job_end>, // once is_over: what is left of the job
    caf::reacts_to<end_atom, int>,            // stop in order because of this signal
    caf::reacts_to<tick_atom>>;

template <class Inspector>
auto inspect(Inspector& f, peers& x) {
  return f(x.feeder_at, x.shards_at, x.feeder, x.shards);
}

} // namespace lagrange::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::step_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::step_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::evaluation_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::evaluation_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lagrange::actors::job_end)

CAF_BEGIN_TYPE_ID_BLOCK(lagrange, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::framed<lagrange::runtime::pull_request>))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::framed<lagrange::runtime::pull_reply>))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::framed<lagrange::runtime::gradient_push>))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::framed<lagrange::runtime::lease_grant>))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::push_ack))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::snapshot_request))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::membership_view))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::view_ack))
CAF_ADD_TYPE_ID(lagrange, (lagrange::runtime::lease_request))
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
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::peers))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::feeder_actor))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::shard_actor))
CAF_ADD_TYPE_ID(lagrange, (lagrange::actors::node_actor))
CAF_END_TYPE_ID_BLOCK(lagrange)
