#include "runtime/worker_port.hpp"

#include "runtime/wire.hpp"

#include <algorithm>

namespace lagrange::runtime {

worker_effects worker_port::sent(worker_effects effects) {
  // What the network drops now, the next tick repeats.
  for (const auto& [to, push] : effects.pushes) {
    auto made = encode(*push);
    made.wants_compression = compresses_;
    plane_->send(links_.shards[to.value], std::move(made));
  }
  if (effects.request) plane_->send(links_.feeder, encode(*effects.request));
  for (const auto& [from, pull] : effects.pulls)
    plane_->send(links_.shards[from.value], encode(pull));
  effects.pushes.clear();
  effects.pulls.clear();
  effects.request.reset();
  return effects;
}

result<worker_effects> worker_port::on_frame(transport::link_id from, const transport::frame& what,
                                             time_point now) {
  const auto place = std::ranges::find(links_.shards, from);
  const shard_id shard{static_cast<std::uint32_t>(place - links_.shards.begin())};
  const bool is_shard = place != links_.shards.end();
  if (!is_shard && from != links_.feeder) return worker_effects{}; // of a shard that has moved
  if (kind_of(what) == frame_kind::lease_grant && from == links_.feeder) {
    BOOST_OUTCOME_TRY(grant, decode<lease_grant>(what));
    return sent(twin_.on_grant(std::make_shared<const lease_grant>(std::move(grant)), now));
  }
  if (kind_of(what) == frame_kind::pull_reply && is_shard) {
    BOOST_OUTCOME_TRY(reply, decode<pull_reply>(what));
    return sent(
        twin_.on_parameters(shard, std::make_shared<const pull_reply>(std::move(reply)), now));
  }
  if (kind_of(what) == frame_kind::push_ack && is_shard) {
    BOOST_OUTCOME_TRY(ack, decode<push_ack>(what));
    return sent(twin_.on_ack(shard, ack, now));
  }
  if (kind_of(what) == frame_kind::rejection) {
    BOOST_OUTCOME_TRY(found, decode<rejection>(what));
    const bool is_final = found.why.code == errc::fenced || found.why.code == errc::bad_frame;
    if (is_final) return failure(errc::fenced, found.why.text);
    return worker_effects{}; // asked again at a tick
  }
  const auto why = unexpected(what);
  return failure(why.code, why.text);
}

} // namespace lagrange::runtime
