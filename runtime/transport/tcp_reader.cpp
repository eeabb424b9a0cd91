#include "runtime/transport/tcp_reader.hpp"

#include "runtime/wire_checksum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lagrange::runtime::transport {

namespace {

// Less than this is read together with what comes behind it, and copied.
constexpr std::size_t direct_bytes_min = 16 << 10;

std::uint32_t extend(std::uint32_t crc, std::span<const std::byte> bytes) {
  return crc32c({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, crc);
}

transfer broken(error why) { return {transfer::state::failed, 0, std::move(why)}; }

} // namespace

transfer tcp_reader::read(stream& from) {
  if (now_ != nullptr && first_ == last_) {
    auto place = now_->frame.direct();
    place = place.first(std::min<std::uint64_t>({place.size(), chunk_left_, limits::read_bytes}));
    if (place.size() >= direct_bytes_min) return read_directly(from, place);
  }
  std::memmove(buffer_.data(), buffer_.data() + first_, last_ - first_);
  last_ -= std::exchange(first_, 0);
  const auto room = std::span(buffer_).subspan(last_);
  auto came = from.read(room);
  is_drained_ = came.bytes < room.size();
  if (came.what != transfer::state::moved) return came;
  last_ += came.bytes;
  if (auto parsed = parse(); !parsed) return broken(std::move(parsed).error());
  return came;
}

transfer tcp_reader::read_directly(stream& from, std::span<std::byte> place) {
  auto came = from.read(place);
  is_drained_ = came.bytes < place.size();
  if (came.what != transfer::state::moved) return came;
  note(place.first(came.bytes)); // now, while it is in the cache
  now_->frame.advance(came.bytes);
  if (chunk_left_ > 0) return came;
  if (auto ended = end_chunk(); !ended) return broken(std::move(ended).error());
  return came;
}

/// The next bytes of the chunk have come.
void tcp_reader::note(std::span<const std::byte> came) {
  chunk_left_ -= came.size();
  const auto of_head = came.first(std::min<std::uint64_t>(now_->head_left, came.size()));
  now_->head_left -= of_head.size();
  chunk_crc_ = extend(chunk_crc_, checksums_ == checksums::heads ? of_head : came);
}

result<void> tcp_reader::parse() {
  while (!to_.is_over()) {
    const auto unread = std::span(buffer_).subspan(first_, last_ - first_);
    if (now_ != nullptr) {
      const auto bytes = unread.first(std::min<std::uint64_t>(unread.size(), chunk_left_));
      if (bytes.empty()) break;
      note(bytes);
      first_ += bytes.size();
      BOOST_OUTCOME_TRY(now_->frame.take(bytes));
      if (chunk_left_ > 0) break;
      BOOST_OUTCOME_TRY(end_chunk());
    } else {
      if (unread.size() < record_bytes) break;
      BOOST_OUTCOME_TRY(x, open_record(unread.first<record_bytes>()));
      first_ += record_bytes;
      BOOST_OUTCOME_TRY(on_record(x));
    }
  }
  return success();
}

result<void> tcp_reader::on_record(const record& x) {
  switch (x.type) {
  case record_type::frame:
    return begin(x);
  case record_type::more:
    return go_on(x);
  case record_type::credit:
    to_.on_credit(x.total, x.head_words);
    return success();
  case record_type::want:
    to_.on_want();
    return success();
  case record_type::beat:
    return success();
  case record_type::hello:
    break;
  }
  return refuse("a record's type", "a second hello", "one hello");
}

result<void> tcp_reader::begin(const record& x) {
  auto& mine = journeys_[static_cast<std::size_t>(x.first)];
  if (!mine.frame.is_idle())
    return refuse("a frame", "begun before the one of its urgency was whole", "one at a time");
  mine.payload_bytes = x.payload_bytes();
  mine.wire_bytes = x.total;
  mine.head_left = x.head_words * std::uint64_t{8};
  if (x.payloads > 0 && !to_.admit(mine.payload_bytes))
    return refuse("a frame's payload", fmt::format("{} bytes", mine.payload_bytes),
                  "no more than the credit that is left");
  mine.frame.begin(x, memory_);
  return go_on(x);
}

result<void> tcp_reader::go_on(const record& x) {
  auto& mine = journeys_[static_cast<std::size_t>(x.first)];
  if (mine.frame.is_idle())
    return refuse("a chunk", "of a frame that never began", "of one that has");
  const auto whole = std::min<std::uint64_t>(mine.frame.left(), limits::chunk_bytes_max);
  if (x.bytes != whole)
    return refuse("a chunk", fmt::format("{} bytes", x.bytes), fmt::format("{}", whole));
  mine.wire_bytes += record_bytes;
  now_ = &mine;
  chunk_left_ = x.bytes;
  chunk_crc_ = 0;
  chunk_crc_expected_ = x.bytes_crc;
  return chunk_left_ > 0 ? result<void>(success()) : end_chunk();
}

result<void> tcp_reader::end_chunk() {
  auto& mine = *std::exchange(now_, nullptr);
  if (chunk_crc_ != chunk_crc_expected_)
    return refuse("the checksum of a frame's bytes", fmt::format("{:08x}", chunk_crc_),
                  fmt::format("{:08x}, as its record says", chunk_crc_expected_));
  if (mine.frame.left() > 0) return success();
  BOOST_OUTCOME_TRY(mine.frame.check_whole());
  auto keeper = mine.frame.has_payloads()
                    ? to_.keeper_of(mine.frame.take_memory(), mine.payload_bytes)
                    : nullptr;
  auto whole = mine.frame.finish(std::move(keeper));
  whole.wire_bytes = mine.wire_bytes;
  to_.on_frame(std::move(whole));
  return success();
}

} // namespace lagrange::runtime::transport
