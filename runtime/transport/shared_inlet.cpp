#include "runtime/transport/shared_inlet.hpp"

#include "runtime/transport/poller.hpp"
#include "runtime/wire_checksum.hpp"

#include <boost/container/static_vector.hpp>
#include <fmt/format.h>

#include <cstring>

namespace lagrange::runtime::transport {

namespace {

using places = boost::container::static_vector<std::uint64_t, frame::payloads_max>;
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
  hold(std::shared_ptr<shared_inlet> of, std::uint64_t slot, std::uint64_t payload_bytes)
      : of_(std::move(of)), slot_(static_cast<std::uint32_t>(slot)), payload_bytes_(payload_bytes) {
  }
  ~hold() { of_->let_go(slot_, payload_bytes_); }
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;

private:
  std::shared_ptr<shared_inlet> of_;
  std::uint32_t slot_;
  std::uint64_t payload_bytes_;
};

shared_inlet::shared_inlet(const shared_memory_of_peer& peer, std::uint64_t credit_bytes,
                           std::shared_ptr<block_pool> memory)
    : channel_(peer.channel_file, peer.room_bytes, access::read),
      arena_(peer.arena_file, 0, peer.arena_bytes, access::read), credit_bytes_(credit_bytes),
      memory_(std::move(memory)), doorbell_(peer.doorbell) {}

result<std::optional<shared_inlet::taken>> shared_inlet::next() {
  if (written_ == read_) written_ = channel_.control().written.load(std::memory_order_acquire);
  const auto filled = written_ - read_;
  if (filled == 0) return std::optional<taken>();
  if (filled > limits::ring_bytes || filled < record_bytes)
    return refuse("the ring's content", fmt::format("{} bytes", filled),
                  fmt::format("{} to {}", record_bytes, limits::ring_bytes));
  const auto* const begin = channel_.ring_at(read_);
  BOOST_OUTCOME_TRY(x, open_record(std::span<const std::byte, record_bytes>(begin, record_bytes)));
  std::optional<taken> made;
  if (x.type == record_type::frame) {
    const auto body_bytes = body_bytes_of(x);
    if (x.packed != 0 || x.bytes != body_bytes || body_bytes > filled - record_bytes)
      return refuse("what follows a record in the ring", fmt::format("{} bytes", x.bytes),
                    fmt::format("{}, of {} that are there", body_bytes, filled - record_bytes));
    BOOST_OUTCOME_TRY(whole, open_frame(x, begin + record_bytes));
    made = std::move(whole);
  } else if (x.type == record_type::beat && x.bytes == 0) {
    made = taken{false, {}, record_bytes};
  } else {
    return refuse("a record in the ring", fmt::format("of type {}", static_cast<int>(x.type)),
                  "a frame or a heartbeat");
  }
  read_ += record_bytes + x.bytes;
  channel_.control().read.store(read_, std::memory_order_release);
  return made;
}

result<void> shared_inlet::admit(const record& x) {
  if (x.payloads == 0) return success();
  const auto bytes = x.payload_bytes();
  if (held_bytes_ + bytes > credit_bytes_ || held_frames_ >= limits::frames_held_max)
    return refuse("a frame's payload", fmt::format("{} bytes", bytes),
                  "no more than the credit that is left");
  held_bytes_ += bytes;
  ++held_frames_;
  return success();
}

result<shared_inlet::taken> shared_inlet::open_frame(const record& x, const std::byte* body) {
  // The peer could change the ring while we look: all is copied out, and then checked.
  const auto* at = body;
  std::uint32_t crc = 0;
  auto copy = [&](void* to, std::size_t bytes) {
    std::memcpy(to, at, bytes);
    at += bytes;
    crc = crc32c({static_cast<const char*>(to), bytes}, crc);
  };
  std::uint64_t slot = 0;
  places where;
  if (x.payloads > 0) copy(&slot, word);
  for (std::size_t i = 0; i < x.payloads; ++i)
    if (!is_inline(x.sizes[i])) where.push_back(0);
  copy(where.data(), where.size() * word);
  taken made{true, {}, record_bytes + x.bytes};
  made.what.kind = x.kind;
  made.what.first = x.first;
  made.what.head.resize(x.head_words, boost::container::default_init);
  copy(made.what.head.data(), x.head_words * word);
  if (crc != x.bytes_crc)
    return refuse("the checksum of a frame's head", fmt::format("{:08x}", crc),
                  fmt::format("{:08x}, as its record says", x.bytes_crc));
  BOOST_OUTCOME_TRY(admit(x));
  if (x.payloads == 0) return made;

  std::array<std::uint32_t, frame::payloads_max> inline_sizes = x.sizes;
  for (auto& size : inline_sizes) size = is_inline(size) ? size : 0;
  payload_block small(*memory_, std::span(inline_sizes).first(x.payloads));
  for (std::size_t i = 0; i < x.payloads; ++i) {
    std::memcpy(small[i].data(), at, inline_sizes[i]);
    at += padded_to_word(inline_sizes[i]);
  }
  const auto keeper = std::make_shared<hold>(shared_from_this(), slot, x.payload_bytes());
  small.share(keeper);
  auto next_place = where.begin();
  for (std::size_t i = 0; i < x.payloads; ++i) {
    if (is_inline(x.sizes[i])) {
      made.what.payloads.push_back(small.view(i));
      continue;
    }
    made.bytes += x.sizes[i];
    BOOST_OUTCOME_TRY(view, view_of(*next_place++, x.sizes[i], keeper));
    made.what.payloads.push_back(std::move(view));
  }
  return made;
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
  auto& waits = channel_.control().sender_waits;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (waits.load() != 0 && waits.exchange(0) != 0) ring(*doorbell_);
}

bool shared_inlet::lie_down() {
  auto& control = channel_.control();
  control.receiver_sleeps.store(1);
  return control.written.load() == read_;
}

void shared_inlet::let_go(std::uint32_t slot, std::uint64_t payload_bytes) {
  // Before the sender is told: it may use its credit at once.
  held_bytes_ -= payload_bytes;
  --held_frames_;
  auto& control = channel_.control();
  const std::lock_guard lock(mutex_);
  channel_.released(released_).store(slot, std::memory_order_relaxed);
  control.released.store(++released_);
  if (control.sender_waits.load() != 0 && control.sender_waits.exchange(0) != 0) ring(*doorbell_);
}

} // namespace lagrange::runtime::transport
