/// \file
/// A link to one peer, whatever carries it: takes frames from any thread, writes as far as it can,
/// notices silence. What carries it is the subclass: tcp_link.hpp, shared_link.hpp.
///
/// Only one thread at a time writes: whoever has the turn. Others leave their frames in the queue,
/// and the one with the turn takes them along. So a sender writes from its own thread, without a
/// wake-up, and yet never waits while another one is inside the kernel.
///
/// Frames are never destroyed under the lock: the last view of a frame that came by another link
/// gives back credit there, under that link's lock.
#pragma once

#include "runtime/transport/byte_endpoint.hpp"
#include "runtime/transport/outbox.hpp"
#include "runtime/transport/poller.hpp"
#include "runtime/transport/pulse.hpp"

#include <atomic>
#include <mutex>
#include <optional>

namespace lagrange::runtime::transport {

/// What the links of an endpoint share. Lives on while somebody holds a received frame.
struct link_services {
  explicit link_services(byte_options with) : options(std::move(with)) {}
  const byte_options options;
  poller waits;
  std::shared_ptr<block_pool> blocks = std::make_shared<block_pool>(limits::kept_bytes_max);
  std::atomic<std::uint64_t> sent{0}, received{0};
};

class link : public std::enable_shared_from_this<link> {
public:
  link(link_id id, std::string peer, std::shared_ptr<link_services> with);
  virtual ~link() = default;
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  // ---- from any thread
  link_id id() const { return id_; }
  /// As endpoint::send. Later: whoever sends will call pump() soon, and may send more before.
  enum class writing : std::uint8_t { now = 0, later };
  std::uint64_t send(frame&& what, writing when);
  /// Writes what can be written.
  void pump();
  /// Writes what has waited for its injected time; at the end of time all has. When there is more;
  /// none: nothing waits, or the link has no shape.
  std::optional<pulse::time_point> release(pulse::time_point now);
  /// No word comes from it any more, and none is taken.
  void close() { is_over_ = true; }
  /// The same, because of `why`; the first reason counts.
  void fail(error why);
  bool is_over() const { return is_over_.load(std::memory_order_acquire); }
  /// Something waits for another turn.
  bool is_unfinished() const { return is_unfinished_.load(std::memory_order_relaxed); }
  std::optional<error> failure();

  // ---- from the endpoint's thread
  virtual int pollable() const = 0;
  /// Whether many small frames in one write are much cheaper than each in its own.
  virtual bool is_better_together() const = 0;
  /// Events of the descriptor.
  virtual void on_ready(std::uint32_t events) = 0;
  /// Hands out some of what has come. False: there is nothing.
  virtual bool receive(receiver& to) = 0;
  /// From now on peers ring. False: something has come meanwhile.
  virtual bool lie_down() { return true; }
  virtual void get_up() {}
  /// Something came since the last call: `now` is when.
  void note(pulse::time_point now);
  /// A heartbeat interval is over, in which we were away for `away` beyond it.
  void tick(pulse::time_point now, pulse::duration away);

protected:
  enum class step : std::uint8_t {
    moved,   ///< something was written; there may be more
    nothing, ///< there is nothing that may go
    blocked, ///< on_ready() will call unblock()
  };
  /// Writes some, and adds it to `bytes`. Called under the lock, which it gives up while it works,
  /// by whoever has the turn.
  virtual step write_some(std::unique_lock<std::mutex>& lock, std::size_t& bytes) = 0;
  /// What the frame will take, framing included.
  virtual std::uint64_t wire_bytes(const outgoing& what) const = 0;
  /// Before it is queued: the place for work that needs no order.
  virtual void prepare(outgoing&) {}

  void pump(std::unique_lock<std::mutex>& lock);
  void unblock();
  const link_services& services() const { return *services_; }
  link_services& services() { return *services_; }
  const std::shared_ptr<link_services>& shared_services() const { return services_; }

  std::mutex mutex_; ///< of the outbox, the turn, and what subclasses say
  outbox queue_;
  bool is_beat_due_ = false;
  bool has_heard_ = false; ///< of the endpoint's thread: something came

private:
  enum class turn : std::uint8_t { free, taken, blocked };

  const link_id id_;
  const std::string peer_;
  const std::shared_ptr<link_services> services_;
  turn turn_ = turn::free;
  bool is_asked_again_ = false; ///< somebody called pump() while the turn was taken
  std::optional<error> failure_;
  std::atomic<bool> is_over_{false}, is_unfinished_{false}, has_spoken_{false};
  pulse pulse_;
};

} // namespace lagrange::runtime::transport
