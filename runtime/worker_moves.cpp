// What a worker asks its shards for, also where one goes on elsewhere.
#include "runtime/worker.hpp"

namespace lagrange::runtime {

/// Of the pull under way.
pull_request worker::request_for(shard_id shard) const {
  pull_request made{options_.self, *pulled_for_, {}, {}, {}};
  if (pulled_plan_) made.rows = pulled_plan_->wanted[shard.value];
  if (const auto& held = held_[shard.value]) {
    made.held_life = held->from.life;
    made.held = held->version;
  }
  return made;
}

worker_effects worker::on_shard_moved(shard_id shard, time_point) {
  worker_effects out;
  if (is_finished_ || shard.value >= options_.shards) return out;
  if (pulled_for_ && !arrived_[shard.value]) out.pulls.emplace_back(shard, request_for(shard));
  if (!outgoing_ || outgoing_->is_done[shard.value]) return out;
  for (const auto& frame : outgoing_->frames[shard.value])
    if (frame) out.pushes.emplace_back(shard, frame);
  return out;
}

} // namespace lagrange::runtime
