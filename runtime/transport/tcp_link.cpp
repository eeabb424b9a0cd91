#include "runtime/transport/tcp_link.hpp"

#include "runtime/transport/packing.hpp"
#include "runtime/transport/tcp_batch.hpp"
#include "runtime/transport/tcp_reader.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lagrange::runtime::transport {

namespace {

// Credit goes back in lumps of this part of it: each costs both sides a call of the kernel.
constexpr std::uint64_t credit_lumps = 8;
constexpr std::uint64_t frames_lump = limits::frames_held_max / credit_lumps;
// So much is read from one link before the others have their turn.
constexpr std::size_t read_turn_bytes = std::size_t{2} << 20;

class tcp_link final : public link, private tcp_events {
public:
  tcp_link(link_id id, std::string peer, std::unique_ptr<stream> over, checksums of,
           std::shared_ptr<link_services> with)
      : link(id, std::move(peer), std::move(with)), stream_(std::move(over)),
        reader_(*services().blocks, *this, of), batch_(of) {}

  int pollable() const override { return stream_->pollable(); }
  bool is_better_together() const override { return true; }

  void on_ready(std::uint32_t events) override {
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0) is_readable_ = true;
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) unblock();
  }

  bool receive(receiver& to) override {
    if (!is_readable_ && !stream_->has_pending()) return false;
    to_ = &to;
    transfer came;
    for (std::size_t bytes = 0; bytes < read_turn_bytes && !is_over(); bytes += came.bytes) {
      came = reader_.read(*stream_);
      if (came.what != transfer::state::moved) break;
      has_heard_ = true;
      services().received.fetch_add(came.bytes, std::memory_order_relaxed);
      if (reader_.is_drained()) break;
    }
    is_readable_ = !reader_.is_drained();
    if (came.what == transfer::state::closed)
      fail({errc::peer_gone, "the peer closed the connection, or its process has ended"});
    if (came.what == transfer::state::failed) fail(std::move(came.why));
    return true;
  }

  /// The receiver has let go of a frame's payloads. From any thread.
  void let_go(std::uint64_t bytes) {
    std::unique_lock lock(mutex_);
    owed_bytes_ += bytes;
    ++owed_frames_;
    if (is_credit_due()) pump(lock);
  }

private:
  /// Held by the views of a received frame.
  class hold {
  public:
    hold(block memory, std::weak_ptr<link> of, std::uint64_t bytes)
        : memory_(std::move(memory)), of_(std::move(of)), bytes_(bytes) {}
    ~hold() {
      memory_ = {}; // first: what the credit brings may use it again
      if (const auto alive = of_.lock()) static_cast<tcp_link&>(*alive).let_go(bytes_);
    }
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;

  private:
    block memory_;
    std::weak_ptr<link> of_;
    std::uint64_t bytes_;
  };

  // ---- link: writing

  void prepare(outgoing& what) override {
    if (!what.what.wants_compression) return;
    auto packed = packer_.pack(what.what, *services().blocks);
    if (!packed) return;
    what.packed = std::move(packed->memory);
    what.packed_bytes = packed->bytes;
  }

  std::uint64_t wire_bytes(const outgoing& what) const override {
    const auto total = what.total_bytes();
    const auto chunks = (total + limits::chunk_bytes_max - 1) / limits::chunk_bytes_max;
    return total + std::max<std::uint64_t>(chunks, 1) * record_bytes;
  }

  step write_some(std::unique_lock<std::mutex>& lock, std::size_t& bytes) override {
    if (batch_.is_empty()) gather();
    if (batch_.is_empty()) return step::nothing;
    lock.unlock();
    if (!batch_.is_sealed()) batch_.seal();
    auto done = stream_->write(batch_.rest());
    if (done.what == transfer::state::moved) {
      bytes += done.bytes;
      services().sent.fetch_add(done.bytes, std::memory_order_relaxed);
      batch_.advance(done.bytes);
      if (batch_.is_done()) batch_.clear();
    }
    const bool is_gone =
        done.what == transfer::state::closed || done.what == transfer::state::failed;
    if (is_gone) fail({errc::peer_gone, std::move(done.why.text)});
    lock.lock();
    if (is_gone) return step::nothing;
    if (done.what == transfer::state::moved) return watch(false), step::moved;
    watch(true);
    return step::blocked;
  }

  /// Under the lock, which on_ready() waits for: so the event finds the link blocked.
  void watch(bool for_writing) {
    if (std::exchange(is_watched_, for_writing) != for_writing)
      services().waits.watch(pollable(), id().value, for_writing);
  }

  bool is_credit_due() const {
    return owed_bytes_ >= services().options.credit_bytes / credit_lumps ||
           owed_frames_ >= frames_lump || (is_wanted_ && owed_frames_ > 0);
  }

  void gather() {
    if (is_credit_due()) add_credit();
    while (!batch_.is_full()) {
      auto* next = queue_.next();
      if (next == nullptr) break;
      if (next->left_bytes() > limits::chunk_bytes_max)
        batch_.add_chunk(*next);
      else
        batch_.add_last(queue_.take(next->what.first));
    }
    if (queue_.is_starved() && !std::exchange(has_asked_, true))
      batch_.add(bare(record_type::want));
    if (std::exchange(is_beat_due_, false) && batch_.is_empty())
      batch_.add(bare(record_type::beat));
  }

  static record bare(record_type type) {
    record made;
    made.type = type;
    return made;
  }

  void add_credit() {
    auto made = bare(record_type::credit);
    made.total = std::exchange(owed_bytes_, 0);
    made.head_words = std::exchange(owed_frames_, 0);
    held_bytes_ -= made.total;
    held_frames_ -= made.head_words;
    is_wanted_ = false;
    batch_.add(made);
  }

  // ---- tcp_events: reading

  bool admit(std::uint64_t payload_bytes) override {
    const std::lock_guard lock(mutex_);
    if (held_bytes_ + payload_bytes > services().options.credit_bytes ||
        held_frames_ >= limits::frames_held_max)
      return false;
    held_bytes_ += payload_bytes;
    ++held_frames_;
    return true;
  }

  std::shared_ptr<const void> keeper_of(block memory, std::uint64_t payload_bytes) override {
    return std::make_shared<hold>(std::move(memory), weak_from_this(), payload_bytes);
  }

  void on_frame(frame what) override { to_->on_frame(id(), std::move(what)); }

  void on_credit(std::uint64_t bytes, std::uint32_t frames) override {
    std::unique_lock lock(mutex_);
    if (queue_.give_back(bytes, frames)) {
      has_asked_ = false;
      return pump(lock);
    }
    lock.unlock();
    fail(refuse("credit given back", fmt::format("{} bytes in {} frames", bytes, frames),
                "no more than was taken")
             .error());
  }

  void on_want() override {
    std::unique_lock lock(mutex_);
    is_wanted_ = true;
    if (is_credit_due()) pump(lock);
  }

  bool is_over() const override { return link::is_over(); }

  const std::unique_ptr<stream> stream_;
  packer packer_;

  // Of the endpoint's thread.
  tcp_reader reader_;
  receiver* to_ = nullptr;
  bool is_readable_ = true; ///< what came right behind the greeting may be inside the stream

  // Of whoever has the turn.
  tcp_batch batch_;

  // Under the lock.
  bool is_watched_ = false;
  bool has_asked_ = false;       ///< for credit, since some came
  bool is_wanted_ = false;       ///< by the peer
  std::uint64_t owed_bytes_ = 0; ///< let go, and not yet given back
  std::uint32_t owed_frames_ = 0;
  std::uint64_t held_bytes_ = 0; ///< begun to come, and not yet given back
  std::uint64_t held_frames_ = 0;
};

std::string name_of(int socket) {
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  char text[INET_ADDRSTRLEN] = "?";
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
      peer.sin_family == AF_INET)
    ::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
  return fmt::format("{}:{} by TCP", text, ntohs(peer.sin_port));
}

} // namespace

std::shared_ptr<link> make_tcp_link(link_id id, std::unique_ptr<stream> over, checksums of,
                                    std::shared_ptr<link_services> with) {
  const int on = 1; // what waits to be written together, the batch has gathered
  ::setsockopt(over->pollable(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto peer = name_of(over->pollable());
  return std::make_shared<tcp_link>(id, std::move(peer), std::move(over), of, std::move(with));
}

} // namespace lagrange::runtime::transport
