#include "runtime/transport/shared_link.hpp"

#include "runtime/transport/shared_hello.hpp"
#include "runtime/transport/shared_outlet.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

namespace lagrange::runtime::transport {

namespace {

// So many records are taken from one link before the others have their turn.
constexpr std::size_t records_turn = 256;

class shared_link final : public link {
public:
  shared_link(link_id id, std::string peer, std::unique_ptr<stream> over,
              std::shared_ptr<link_services> with, std::unique_ptr<shared_outlet> outlet,
              std::shared_ptr<shared_inlet> inlet)
      : link(id, std::move(peer), std::move(with)), socket_(std::move(over)),
        outlet_(std::move(outlet)), inlet_(std::move(inlet)) {}

  int pollable() const override { return socket_->pollable(); }
  bool is_better_together() const override { return false; }

  void on_ready(std::uint32_t) override { has_socket_news_ = true; }

  bool receive(receiver& to) override {
    if (is_waiting_.load() && outlet_->has_been_rung()) pump();
    std::size_t count = 0;
    while (count < records_turn && !is_over() && take_one(to)) ++count;
    if (count > 0) inlet_->tell_sender();
    has_heard_ |= count > 0;
    if (count == 0 && has_socket_news_) look_at_socket(); // what came before the end counts
    return count > 0;
  }

  bool lie_down() override {
    return inlet_->lie_down() && !(is_waiting_.load() && outlet_->has_been_rung());
  }
  void get_up() override { inlet_->get_up(); }

private:
  bool take_one(receiver& to) {
    frame what;
    const auto next = inlet_->next(what);
    if (!next) {
      fail(next.error());
      return false;
    }
    if (next.value() == shared_inlet::found::nothing) return false;
    const auto is_frame = next.value() == shared_inlet::found::frame;
    services().received.fetch_add(is_frame ? what.wire_bytes : record_bytes,
                                  std::memory_order_relaxed);
    if (is_frame) to.on_frame(id(), std::move(what));
    return true;
  }

  void look_at_socket() {
    std::array<std::byte, 64> bytes;
    const auto came = socket_->read(bytes);
    has_socket_news_ = false;
    if (came.what == transfer::state::moved)
      fail(refuse("what came by the socket", fmt::format("{} bytes", came.bytes), "nothing")
               .error());
    if (came.what == transfer::state::closed)
      fail({errc::peer_gone, "the peer closed the link, or its process has ended"});
    if (came.what == transfer::state::failed) fail(came.why);
  }

  std::uint64_t wire_bytes(const outgoing& what) const override {
    return shared_outlet::wire_bytes(what.what);
  }

  step write_some(std::unique_lock<std::mutex>& lock, std::size_t& bytes) override {
    std::unique_ptr<outgoing> item;
    if (const auto* next = queue_.next()) item = queue_.take(next->what.first);
    const bool has_beat = is_beat_due_;
    if (!item && !has_beat && queue_.is_empty()) return rest();
    lock.unlock();
    auto freed = outlet_->reclaim(); // may let go of frames
    result<bool> put = false;
    std::uint64_t moved = 0;
    if (freed && item) {
      put = outlet_->put(item->what);
      moved = shared_outlet::wire_bytes(item->what);
    } else if (freed && has_beat) {
      put = outlet_->put_beat();
      moved = record_bytes;
    }
    const bool is_put = put && put.value();
    if (is_put && item) item.reset();
    if (!freed) fail(std::move(freed).error());
    if (!put) fail(std::move(put).error());
    lock.lock();
    if (item) queue_.put_back(std::move(item)); // also of a link that is over: not destroyed here
    if (is_over()) return step::nothing;
    queue_.give_back(freed.value().bytes, freed.value().frames);
    if (!is_put) return freed.value().frames > 0 ? step::moved : wait();
    is_beat_due_ = false;
    bytes += moved;
    services().sent.fetch_add(moved, std::memory_order_relaxed);
    return rest(step::moved);
  }

  /// Nothing may go: the peer is to ring, and then all is looked at once more.
  step wait() {
    if (std::exchange(is_second_try_, !is_second_try_)) return step::nothing;
    is_waiting_ = true;
    outlet_->ask_to_ring();
    return step::moved;
  }
  step rest(step how = step::nothing) {
    is_second_try_ = false;
    is_waiting_ = false;
    return how;
  }

  const std::unique_ptr<stream> socket_;
  const std::unique_ptr<shared_outlet> outlet_; ///< of whoever has the turn
  const std::shared_ptr<shared_inlet> inlet_;
  bool has_socket_news_ = false;
  bool is_second_try_ = false; ///< under the lock
  std::atomic<bool> is_waiting_{false};
};

std::string name_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return fmt::format("process {} by shared memory", peer.pid);
}

} // namespace

result<std::shared_ptr<link>> make_shared_link(link_id id, std::unique_ptr<stream> over,
                                               std::shared_ptr<arena> own,
                                               std::shared_ptr<link_services> with,
                                               const patience& until) {
  const auto credit_bytes = with->options.credit_bytes;
  // Twice what is under way at most, or what is freed in pieces would not fit together.
  constexpr std::uint64_t page_bytes = 4096;
  const auto room_bytes = (2 * credit_bytes / page_bytes + 1) * page_bytes;
  const auto file = channel::make_file(room_bytes);
  BOOST_OUTCOME_TRY(
      peer,
      exchange_memory(*over, {file, own->file(), with->waits.doorbell(), credit_bytes}, until));
  auto outlet = std::make_unique<shared_outlet>(file, room_bytes, std::move(own), peer.doorbell);
  auto inlet = std::make_shared<shared_inlet>(peer, credit_bytes, with->blocks);
  auto name = name_of(over->pollable());
  return std::shared_ptr<link>(std::make_shared<shared_link>(
      id, std::move(name), std::move(over), std::move(with), std::move(outlet), std::move(inlet)));
}

} // namespace lagrange::runtime::transport
