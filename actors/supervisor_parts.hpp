/// \file
/// What the files of the supervisor's shell say to each other; nobody else includes it.
#pragma once

#include "actors/supervisor.hpp"

namespace lagrange::actors {

using supervisor_pointer = supervisor_actor::stateful_pointer<supervisor_state>;

// supervisor.cpp
void carry_out(supervisor_pointer self, runtime::supervisor_effects effects);

// supervisor_placing.cpp
void place(supervisor_pointer self, const runtime::actor_life& who);
void launch(supervisor_pointer self, const runtime::actor_life& who);
void send_view(supervisor_pointer self, const runtime::membership_view& view);
void send_order(supervisor_pointer self, const runtime::switch_order& order);
void promote(supervisor_pointer self, const runtime::actor_life& replica,
             const runtime::actor_life& becomes);
void offer_replica(supervisor_pointer self, const runtime::actor_life& replica);
void drop_replica(supervisor_pointer self, const runtime::actor_life& replica);
void let_ask_again(supervisor_pointer self, const runtime::replica_filling& news);
void on_shard_ready(supervisor_pointer self, const runtime::actor_ready& ready,
                    const shard_actor& shard);

// supervisor_elastic.cpp
runtime::join_answer admit(supervisor_pointer self, const runtime::join_request& wish);
runtime::drain_receipt drain(supervisor_pointer self, const runtime::drain_request& wish);
void bid_farewell(supervisor_pointer self, const runtime::actor_life& who);

// supervisor_collecting.cpp
void evaluate_now(supervisor_pointer self);
void collect_figures(supervisor_pointer self);
void ask_again(supervisor_pointer self);
void on_arrival(supervisor_pointer self, const arrival& x);
void on_link_loss(supervisor_pointer self, const link_loss& x);

} // namespace lagrange::actors
