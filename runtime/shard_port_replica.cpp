// A shard's port beside another one: how inputs go to a replica and what is said waits for it, and
// how the replica follows and takes the shard's place.
#include "runtime/shard_port.hpp"

#include <algorithm>
#include <utility>

namespace lagrange::runtime {

// ---- with a replica -----------------------------------------------------------------------------

void shard_port::use_replica(transport::link_id link, const actor_life& who) {
  LAGRANGE_EXPECT(sequence_ == 0 && !is_following_, "a replica that has not begun as its shard");
  replica_ = {link, who};
  peers_[link] = who;
  note_if_followed();
}

void shard_port::forward(const shard_input& what) {
  if (filling_) return filling_->missed.push_back(what);
  if (replica_->is_lost || plane_->send(replica_->link, encode(what)) > 0) return;
  plane_->close(replica_->link); // it has missed an input, so it is of no use any more
  lose_replica({errc::timed_out, "it does not keep up, or its link is gone"});
}

/// Only the supervisor knows whether it is promoted now, or the shard goes on without it; until
/// then nothing is said.
void shard_port::lose_replica(const error& why) {
  if (std::exchange(replica_->is_lost, true)) return;
  peers_.erase(replica_->link);
  hooks_.lose(replica_->who, why);
}

void shard_port::drop_replica(const actor_life& who) {
  if (!replica_ || replica_->who != who) return;
  if (!replica_->is_lost) {
    peers_.erase(replica_->link);
    plane_->close(replica_->link);
  }
  replica_.reset();
  filling_.reset();
  for (auto& each : std::exchange(held_, {}))
    if (!has_failed_) say(std::move(each));
}

void shard_port::on_acknowledged(transport::link_id from, const input_ack& ack) {
  if (!replica_ || replica_->link != from) return;
  if (filling_) return on_piece_taken(ack.sequence);
  acknowledged_ = std::max(acknowledged_, ack.sequence);
  while (!held_.empty() && held_.front().sequence <= acknowledged_ && !has_failed_) {
    auto made = std::move(held_.front());
    held_.pop_front();
    say(std::move(made));
  }
  note_if_followed();
}

// ---- as a replica -------------------------------------------------------------------------------

void shard_port::follow(transport::link_id from, const transport::frame& what) {
  if (kind_of(what) == frame_kind::shard_filling) {
    const auto piece = decode<filling_piece>(what);
    return piece ? on_piece(from, piece.value()) : give_up(from, piece.error());
  }
  const auto came = decode<shard_input>(what);
  if (!came) return give_up(from, came.error());
  const auto& next = came.value();
  const auto& own = twin_->self();
  if (next.from.job != own.job || next.from.term != own.term || next.from.name != own.name)
    return give_up(from, {errc::fenced, "an input of another shard than this replica's"});
  if (next.sequence != sequence_ + 1) {
    has_failed_ = true;
    return hooks_.fail(
        {errc::bad_frame, "missed input " + std::to_string(sequence_ + 1) + " of its shard"});
  }
  sequence_ = next.sequence;
  shard_link_ = from;
  const auto made = apply(next, {});
  unwritten_.insert(unwritten_.end(), made.effects.entries.begin(), made.effects.entries.end());
  while (!unwritten_.empty() && records_ - unwritten_.size() < next.records) unwritten_.pop_front();
}

void shard_port::acknowledge() {
  if (has_failed_) return;
  if (pieces_acknowledged_ != pieces_) {
    pieces_acknowledged_ = pieces_;
    plane_->send(shard_link_, encode(input_ack{twin_->self(), pieces_}));
  }
  if (acknowledged_ == sequence_) return;
  acknowledged_ = sequence_;
  plane_->send(shard_link_, encode(input_ack{twin_->self(), sequence_}));
}

result<void> shard_port::promote(const stamp& self, const journal_continuer& open) {
  LAGRANGE_EXPECT(is_following_, "a promotion of no replica");
  if (open) {
    BOOST_OUTCOME_TRY(sink, open(records_ - unwritten_.size()));
    const std::vector<journal_entry> rest(unwritten_.begin(), unwritten_.end());
    if (!rest.empty()) {
      BOOST_OUTCOME_TRY(sink({self.name.index}, rest));
    }
    hooks_.journal = std::move(sink);
  }
  unwritten_.clear();
  twin_->promote(self);
  is_following_ = false;
  tell_feeder();
  return success();
}

} // namespace lagrange::runtime
