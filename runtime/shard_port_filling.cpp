// How a shard fills a replica that begins in the middle, while it works on: a few pieces at a time,
// then the inputs that came meanwhile, and from then on it says nothing that the replica lacks.
#include "runtime/shard_port.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lagrange::runtime {

namespace {

/// Pieces under way: enough to keep a link busy, and far below its credit (BP-1).
constexpr std::uint64_t pieces_ahead = 4;

ops::tensor bytes_of(const ops::tensor& x) {
  if (x.empty() || x.size_bytes() == 0) return {};
  return x.view(ops::dtype::u8, {static_cast<std::int64_t>(x.size_bytes())}, 0);
}

ops::tensor bytes_of(const std::vector<std::uint64_t>& numbers) {
  ops::tensor made(ops::dtype::u8, {static_cast<std::int64_t>(numbers.size() * 8)});
  std::memcpy(made.bytes(), numbers.data(), numbers.size() * 8);
  return made;
}

} // namespace

// ---- of a shard ---------------------------------------------------------------------------------

void shard_port::fill_replica(transport::link_id link, const actor_life& who) {
  if (is_following_ || replica_) return;
  wanted_ = {link, who};
  peers_[link] = who;
  begin_filling();
}

void shard_port::begin_filling() {
  if (!wanted_ || has_failed_) return;
  shard_effects effects;
  auto found = twin_->begin_filling(effects);
  if (!found) return; // after this round
  replica_ = {wanted_->first, wanted_->second};
  wanted_.reset();
  filling_.emplace();
  filling_->sequence = acknowledged_ = sequence_;
  filling_->records = records_;
  for (const auto* each : filled_arrays(*found->state)) filling_->arrays.push_back(bytes_of(*each));
  filling_->arrays.push_back(bytes_of(found->numbers));
  say_effects(std::move(effects));
  if (hooks_.refilling) hooks_.refilling();
  send_pieces();
}

void shard_port::send_pieces() {
  auto& from = *filling_;
  while (from.array < from.arrays.size() && from.sent < from.had + pieces_ahead) {
    const auto& array = from.arrays[from.array];
    const auto size = array.empty() ? 0 : array.size_bytes();
    const auto count = std::min(hooks_.piece_bytes, size - from.first);
    filling_piece piece{twin_->self(),
                        from.sequence,
                        from.records,
                        static_cast<std::uint32_t>(from.array),
                        from.first,
                        false,
                        {}};
    if (count > 0)
      piece.bytes =
          array.slice(static_cast<std::int64_t>(from.first), static_cast<std::int64_t>(count));
    from.first += count;
    if (from.first >= size) {
      ++from.array;
      from.first = 0;
    }
    piece.is_last = from.array == from.arrays.size();
    ++from.sent;
    if (plane_->send(replica_->link, encode(piece)) == 0) {
      plane_->close(replica_->link);
      return lose_replica({errc::timed_out, "it does not keep up, or its link is gone"});
    }
  }
}

/// So many pieces have come. After the last one the replica gets what it has missed.
void shard_port::on_piece_taken(std::uint64_t pieces) {
  filling_->had = std::max(filling_->had, pieces);
  if (filling_->array < filling_->arrays.size()) return send_pieces();
  if (filling_->had < filling_->sent) return;
  const auto missed = std::move(filling_->missed);
  filling_.reset();
  replica_->holds_from = sequence_;
  for (const auto& each : missed) forward(each);
  note_if_followed();
}

/// Once the replica has all that was said before anything was held back for it.
void shard_port::note_if_followed() {
  if (!replica_ || filling_ || replica_->is_told || acknowledged_ < replica_->holds_from) return;
  replica_->is_told = true;
  if (hooks_.replicated) hooks_.replicated(replica_->who);
}

// ---- of a replica -------------------------------------------------------------------------------

void shard_port::on_piece(transport::link_id from, const filling_piece& piece) {
  const auto refuse = [&](const std::string& what) {
    has_failed_ = true;
    hooks_.fail({errc::bad_frame, "was filled wrongly: " + what});
  };
  if (piece.from.job != twin_->self().job || piece.from.term != twin_->self().term ||
      piece.from.name != twin_->self().name)
    return give_up(from, {errc::fenced, "a state of another shard than this replica's"});
  if (!unfilled_) {
    if (sequence_ > 0) return refuse("it follows already");
    unfilled_ = twin_->unfilled();
    shard_link_ = from;
  }
  const auto arrays = filled_arrays(*unfilled_);
  const auto size = piece.bytes.empty() ? 0 : piece.bytes.size_bytes();
  if (piece.array < arrays.size()) {
    auto& to = *arrays[piece.array];
    const auto room = to.empty() ? 0 : to.size_bytes();
    if (piece.first > room || size > room - piece.first) return refuse("an array is too long");
    if (size > 0) std::memcpy(to.bytes() + piece.first, piece.bytes.bytes(), size);
  } else {
    if (piece.first != numbers_.size()) return refuse("its numbers have a gap");
    numbers_.insert(numbers_.end(), piece.bytes.bytes(), piece.bytes.bytes() + size);
  }
  ++pieces_;
  if (!piece.is_last) return;
  std::vector<std::uint64_t> words(numbers_.size() / 8);
  std::memcpy(words.data(), numbers_.data(), words.size() * 8);
  if (const auto done = twin_->fill(unfilled_, words); !done) return refuse(done.error().text);
  sequence_ = acknowledged_ = piece.sequence;
  records_ = piece.records;
  unfilled_ = nullptr;
  numbers_ = {};
}

} // namespace lagrange::runtime
