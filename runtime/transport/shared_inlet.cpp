#include "runtime/transport/shared_inlet.hpp"

#include "runtime/transport/poller.hpp"
#include "runtime/wire_checksum.hpp"

#include <fmt/format.h>

#include <cstring>

namespace lagrange::runtime::transport {

namespace {

constexpr std::uint64_t word = sizeof(std::uint64_t);

bool is_inline(std::uint32_t bytes) { return bytes <= limits::inline_bytes_max; }

/// What has to follow the record of a frame in the ring.
std::uint64_t body_bytes_of(const record& x) {
  auto bytes = x.head_words * word + (x.payloads > 0 ? word : 0);
  for (std::size_t i = 0; i < x.payloads; ++i)
    bytes += is_inline(x.sizes[i]) ? padded_to_word(x.sizes[i]) : word;
  return bytes;
}

} // namespace

/// Held by the views of a frame's payloads.
class shared_inlet::hold {
public:
  hold(block memory, std::shared_ptr<shared_inlet> of, std::uint64_t slot,
       std::uint64_t payload_bytes)
      : memory_(std::move(memory)), of_(std::move(of)), slot_(static_cast<std::uint32_t>(slot)),
        payload_bytes_(payload_bytes) {}
  ~hold() {
    memory_ = {}; // first: what the credit brings may use it again
    of_->let_go(slot_, payload_bytes_);
  }
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;

private:
  block memory_; ///< of the small payloads
  std::shared_ptr<shared_inlet> of_;
  std::uint32_t slot_;
  std::uint64_t payload_bytes_;
};

shared_inlet::shared_inlet(const shared_memory_of_peer& peer, std::uint64_t credit_bytes,
                           std::shared_ptr<block_pool> memory)
    : channel_(peer.channel_file, peer.room_bytes, access::read),
      arena_(peer.arena_file, 0, peer.arena_bytes, access::read), credit_bytes_(credit_bytes),
      memory_(std::move(memory)), doorbell_(peer.doorbell) {}

result<shared_inlet::found> shared_inlet::next(frame& to) {
  if (written_ == read_) written_ = channel_.control().written.load(std::memory_order_acquire);
  const auto filled = written_ - read_;
  if (filled == 0) return found::nothing;
  if (filled > limits::ring_bytes || filled < record_bytes)
    return refuse("the ring's content", fmt::format("{} bytes", filled),
                  fmt::format("{} to {}", record_bytes, limits::ring_bytes));
  const auto* const begin = channel_.ring_at(read_);
  BOOST_OUTCOME_TRY(x, open_record(std::span<const std::byte, record_bytes>(begin, record_bytes)));
  if (x.type == record_type::frame) {
    const auto body_bytes = body_bytes_of(x);
    if (x.packed != 0 || x.bytes != body_bytes || body_bytes > filled - record_bytes)
      return refuse("what follows a record in the ring", fmt::format("{} bytes", x.bytes),
                    fmt::format("{}, of {} that are there", body_bytes, filled - record_bytes));
    BOOST_OUTCOME_TRY(open_frame(x, begin + record_bytes, to));
  } else if (x.type != record_type::beat || x.bytes != 0) {
    return refuse("a record in the ring", fmt::format("of type {}", static_cast<int>(x.type)),
                  "a frame or a heartbeat");
  }
  read_ += record_bytes + x.bytes;
  channel_.control().read.store(read_, std::memory_order_release);
  return x.type == record_type::frame ? found::frame : found::beat;
}

result<void> shared_inlet::admit(const record& x) {
  const auto bytes = x.payload_bytes();
  const std::lock_guard lock(mutex_);
  if (held_bytes_ + bytes > credit_bytes_ || held_frames_ >= limits::frames_held_max)
    return refuse("a frame's payload", fmt::format("{} bytes", bytes),
                  "no more than the credit that is left");
  held_bytes_ += bytes;
  ++held_frames_;
  return success();
}

result<void> shared_inlet::open_frame(const record& x, const std::byte* body, frame& to) {
  // The peer could change the ring while we look: all is copied out, and then checked.
  const auto* at = body;
  std::uint32_t crc = 0;
  const auto copy = [&](void* place, std::size_t bytes) {
    std::memcpy(place, at, bytes);
    at += bytes;
    crc = crc32c({static_cast<const char*>(place), bytes}, crc);
  };
  std::array<std::uint64_t, 1 + frame::payloads_max> slot_and_places{};
  std::array<std::uint32_t, frame::payloads_max> inline_sizes{};
  std::size_t large = 0;
  for (std::size_t i = 0; i < x.payloads; ++i)
    is_inline(x.sizes[i]) ? void(inline_sizes[i] = x.sizes[i]) : void(++large);
  if (x.payloads > 0) copy(slot_and_places.data(), (1 + large) * word);
  to.head.resize(x.head_words, boost::container::default_init);
  copy(to.head.data(), x.head_words * word);
  if (crc != x.bytes_crc)
    return refuse("the checksum of a frame's head", fmt::format("{:08x}", crc),
                  fmt::format("{:08x}, as its record says", x.bytes_crc));
  to.kind = x.kind;
  to.first = x.first;
  to.wire_bytes = record_bytes + x.bytes;
  if (x.payloads == 0) return success();

  BOOST_OUTCOME_TRY(admit(x));
  payload_block small(*memory_, std::span(inline_sizes).first(x.payloads));
  for (std::size_t i = 0; i < x.payloads; ++i) {
    std::memcpy(small[i].data(), at, inline_sizes[i]);
    at += padded_to_word(inline_sizes[i]);
  }
  const auto keeper = std::make_shared<hold>(small.take_memory(), shared_from_this(),
                                             slot_and_places[0], x.payload_bytes());
  small.share(keeper);
  const auto* place = &slot_and_places[1];
  for (std::size_t i = 0; i < x.payloads; ++i) {
    if (is_inline(x.sizes[i])) {
      to.payloads.push_back(small.view(i));
      continue;
    }
    to.wire_bytes += x.sizes[i];
    BOOST_OUTCOME_TRY(view, view_of(*place++, x.sizes[i], keeper));
    to.payloads.push_back(std::move(view));
  }
  return success();
}

result<ops::tensor> shared_inlet::view_of(std::uint64_t place, std::uint32_t bytes,
                                          const std::shared_ptr<const void>& keeper) const {
  const bool is_arena = (place & in_arena) != 0;
  const auto offset = place & ~in_arena;
  const auto* const memory = is_arena ? arena_.data() : channel_.room();
  const auto limit = is_arena ? arena_.bytes() : channel_.room_bytes();
  const auto padded = padded_to_word(bytes);
  if (offset % word != 0 || offset > limit || padded > limit - offset)
    return refuse(
        "a payload's place",
        fmt::format("{} bytes at {} of its {}", bytes, offset, is_arena ? "arena" : "room"),
        fmt::format("inside its {} bytes, at a multiple of 8", limit));
  auto view = std::make_shared<ops::buffer>(const_cast<std::byte*>(memory) + offset, bytes, keeper);
  return ops::tensor(ops::dtype::u8, {std::int64_t{bytes}}, std::move(view));
}

void shared_inlet::tell_sender() {
  auto& control = channel_.control();
  control.read.store(read_); // once more, in sequence with the flag: see channel_control
  if (control.sender_waits.load() != 0 && control.sender_waits.exchange(0) != 0) ring(*doorbell_);
}

bool shared_inlet::lie_down() {
  auto& control = channel_.control();
  control.receiver_sleeps.store(1);
  return control.written.load() == read_;
}

void shared_inlet::let_go(std::uint32_t slot, std::uint64_t payload_bytes) {
  auto& control = channel_.control();
  const std::lock_guard lock(mutex_);
  held_bytes_ -= payload_bytes; // before the sender is told: it may use its credit at once
  --held_frames_;
  channel_.released(released_).store(slot, std::memory_order_relaxed);
  control.released.store(++released_);
  if (control.sender_waits.load() != 0 && control.sender_waits.exchange(0) != 0) ring(*doorbell_);
}

} // namespace lagrange::runtime::transport
