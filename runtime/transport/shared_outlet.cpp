#include "runtime/transport/shared_outlet.hpp"

#include "runtime/transport/poller.hpp"
#include "runtime/wire_checksum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lagrange::runtime::transport {

namespace {

bool is_inline(const ops::tensor& x) { return x.size_bytes() <= limits::inline_bytes_max; }

std::uint64_t ring_bytes_of(const frame& what) {
  auto bytes = record_bytes + what.head.size() * sizeof(std::uint64_t);
  if (!what.payloads.empty()) bytes += sizeof(std::uint64_t);
  for (const auto& each : what.payloads)
    bytes += is_inline(each) ? padded_to_word(each.size_bytes()) : sizeof(std::uint64_t);
  return bytes;
}
static_assert(record_bytes + 8 + frame::head_words_max * 8 +
                  frame::payloads_max * limits::inline_bytes_max <=
              limits::ring_bytes / 8);

std::byte* append(std::byte* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  return to + bytes;
}

} // namespace

shared_outlet::shared_outlet(const descriptor& file, std::uint64_t room_bytes,
                             std::shared_ptr<arena> own,
                             std::shared_ptr<const descriptor> peers_doorbell)
    : channel_(file, room_bytes, access::write), room_(room_bytes), arena_(std::move(own)),
      peers_doorbell_(std::move(peers_doorbell)) {}

std::uint64_t shared_outlet::wire_bytes(const frame& what) {
  auto bytes = ring_bytes_of(what);
  for (const auto& each : what.payloads)
    if (!is_inline(each)) bytes += each.size_bytes();
  return bytes;
}

result<bool> shared_outlet::has_ring_room(std::uint64_t bytes) {
  if (written_ - read_ + bytes <= limits::ring_bytes) return true;
  const auto read = channel_.control().read.load();
  if (read < read_ || read > written_)
    return refuse("the reader's cursor", std::to_string(read),
                  fmt::format("{} to {}", read_, written_));
  read_ = read;
  return written_ - read_ + bytes <= limits::ring_bytes;
}

result<bool> shared_outlet::put(const frame& what) {
  const auto bytes = ring_bytes_of(what);
  BOOST_OUTCOME_TRY(has_room, has_ring_room(bytes));
  if (!has_room) return false;
  std::uint32_t number = 0;
  if (!what.payloads.empty()) {
    number = free_slot();
    auto& mine = slots_[number];
    if (!place_payloads(what, mine)) {
      empty(mine);
      return false;
    }
    mine.is_used = true;
    mine.payload_bytes = what.payload_bytes();
    free_slots_.pop_back();
  }
  write(what, number);
  publish(bytes);
  return true;
}

/// Room for all that has to be copied, or none of it.
bool shared_outlet::place_payloads(const frame& what, slot& in) {
  places_.clear();
  for (const auto& each : what.payloads) {
    if (is_inline(each)) continue;
    if (const auto offset = arena_->offset_of(each)) {
      in.tensors.push_back(each);
      places_.push_back(*offset | in_arena);
    } else if (const auto block = room_.take(each.size_bytes())) {
      in.blocks.emplace_back(*block, each.size_bytes());
      std::memcpy(channel_.room() + *block, each.bytes(), each.size_bytes());
      places_.push_back(*block);
    } else if (auto spare = arena_->allocate(each.size_bytes())) {
      // The room has twice the credit, so this is for the rare case that it is all in pieces.
      std::memcpy(spare->bytes(), each.bytes(), each.size_bytes());
      places_.push_back(*arena_->offset_of(*spare) | in_arena);
      in.tensors.push_back(std::move(*spare));
    } else {
      return false;
    }
  }
  return true;
}

void shared_outlet::write(const frame& what, std::uint32_t slot_number) {
  record made;
  made.type = record_type::frame;
  made.first = what.first;
  made.kind = what.kind;
  made.payloads = static_cast<std::uint8_t>(what.payloads.size());
  made.head_words = static_cast<std::uint32_t>(what.head.size());
  made.total = what.head.size() * sizeof(std::uint64_t) + what.payload_bytes();
  made.bytes = static_cast<std::uint32_t>(ring_bytes_of(what) - record_bytes);

  auto* const begin = channel_.ring_at(written_);
  auto* const checked = begin + record_bytes;
  auto* to = checked;
  if (!what.payloads.empty()) {
    const std::uint64_t number = slot_number;
    to = append(to, &number, sizeof number);
    to = append(to, places_.data(), places_.size() * sizeof(place));
    places_.clear();
  }
  to = append(to, what.head.data(), what.head.size() * sizeof(std::uint64_t));
  made.bytes_crc =
      crc32c({reinterpret_cast<const char*>(checked), static_cast<std::size_t>(to - checked)});
  for (std::size_t i = 0; i < what.payloads.size(); ++i) {
    const auto& each = what.payloads[i];
    made.sizes[i] = static_cast<std::uint32_t>(each.size_bytes());
    if (!is_inline(each)) continue;
    append(to, each.bytes(), each.size_bytes());
    to += padded_to_word(each.size_bytes());
  }
  seal(made);
  std::memcpy(begin, &made, sizeof made);
}

result<bool> shared_outlet::put_beat() {
  BOOST_OUTCOME_TRY(has_room, has_ring_room(record_bytes));
  if (!has_room) return false;
  record made;
  seal(made);
  std::memcpy(channel_.ring_at(written_), &made, sizeof made);
  publish(record_bytes);
  return true;
}

void shared_outlet::publish(std::uint64_t bytes) {
  auto& control = channel_.control();
  written_ += bytes;
  control.written.store(written_); // seq_cst, as is the flag: see channel_control
  if (control.receiver_sleeps.load() != 0 && control.receiver_sleeps.exchange(0) != 0)
    ring(*peers_doorbell_);
}

result<shared_outlet::returned> shared_outlet::reclaim() {
  returned sum;
  const auto now = channel_.control().released.load();
  if (now - released_ > slots_.size())
    return refuse("the count of frames let go", std::to_string(now - released_),
                  fmt::format("at most {}", slots_.size()));
  for (; released_ != now; ++released_) {
    const auto number = channel_.released(released_).load(std::memory_order_relaxed);
    if (number >= slots_.size() || !slots_[number].is_used)
      return refuse("a frame let go", fmt::format("number {}", number), "one that was sent");
    sum.bytes += slots_[number].payload_bytes;
    ++sum.frames;
    empty(slots_[number]);
    free_slots_.push_back(number);
  }
  return sum;
}

std::uint32_t shared_outlet::free_slot() {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  return free_slots_.back();
}

void shared_outlet::empty(slot& x) {
  for (const auto& [offset, bytes] : x.blocks) room_.give(offset, bytes);
  x.blocks.clear();
  x.tensors.clear();
  x.is_used = false;
}

} // namespace lagrange::runtime::transport
