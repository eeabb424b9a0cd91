#include "runtime/transport/link.hpp"

#include <fmt/format.h>

namespace lagrange::runtime::transport {

namespace {

std::uint64_t queue_limit(const byte_options& x) {
  constexpr std::uint64_t framing_bytes = 1 << 16;
  return x.queue_bytes_max > 0 ? x.queue_bytes_max
                               : x.credit_bytes + x.credit_bytes / 8 + framing_bytes;
}

void check_contract(const frame& what, std::uint64_t credit_bytes) {
  LAGRANGE_EXPECT(
      what.payloads.size() <= frame::payloads_max,
      fmt::format("a frame of {} payloads, at most {}", what.payloads.size(), frame::payloads_max));
  LAGRANGE_EXPECT(
      what.head.size() <= frame::head_words_max,
      fmt::format("a head of {} words, at most {}", what.head.size(), frame::head_words_max));
  LAGRANGE_EXPECT(static_cast<std::size_t>(what.first) < urgencies, "an urgency that is none");
  for (const auto& each : what.payloads)
    LAGRANGE_EXPECT(!each.empty() && each.where().kind == ops::device::kind_type::cpu,
                    "a payload that is no tensor on the CPU");
  LAGRANGE_EXPECT(what.payload_bytes() <= std::min(credit_bytes, limits::frame_bytes_max),
                  fmt::format("a frame of {} bytes of payload; the link's credit is {} and a frame "
                              "has at most {}: cut it, or give more credit",
                              what.payload_bytes(), credit_bytes, limits::frame_bytes_max));
}

} // namespace

link::link(link_id id, std::string peer, std::shared_ptr<link_services> with)
    : queue_(with->options.credit_bytes, queue_limit(with->options), with->options.shape), id_(id),
      peer_(std::move(peer)), services_(std::move(with)),
      pulse_(services_->options.silence_min, services_->options.silence_max,
             std::chrono::steady_clock::now()) {}

std::uint64_t link::send(frame&& what, writing when) {
  check_contract(what, services().options.credit_bytes);
  auto item = std::make_unique<outgoing>(std::move(what));
  prepare(*item);
  const auto bytes = wire_bytes(*item);
  std::unique_lock lock(mutex_); // after `item`: a frame that is dropped is destroyed without it
  if (is_over() || !queue_.has_room_for(*item)) return 0;
  if (queue_.is_shaped()) {
    queue_.hold(std::move(item), bytes, std::chrono::steady_clock::now());
    lock.unlock();
    services().waits.wake(); // the endpoint's thread keeps the time
    return bytes;
  }
  queue_.put(std::move(item));
  if (when == writing::now || queue_.queued_bytes() >= limits::read_bytes) pump(lock);
  return bytes;
}

void link::pump() {
  std::unique_lock lock(mutex_);
  pump(lock);
}

void link::pump(std::unique_lock<std::mutex>& lock) {
  if (turn_ == turn::taken) is_asked_again_ = true;
  if (turn_ != turn::free || is_over()) return;
  turn_ = turn::taken;
  is_unfinished_.store(false, std::memory_order_relaxed);
  std::size_t bytes = 0;
  auto last = step::moved;
  while (!is_over() && bytes < limits::turn_bytes) {
    is_asked_again_ = false;
    last = write_some(lock, bytes);
    if (last == step::blocked || (last == step::nothing && !is_asked_again_)) break;
  }
  turn_ = last == step::blocked ? turn::blocked : turn::free;
  if (bytes > 0) has_spoken_.store(true, std::memory_order_relaxed);
  if (bytes < limits::turn_bytes || last == step::blocked) return;
  // Others may queue faster than this caller writes; its own time is not theirs.
  is_unfinished_.store(true, std::memory_order_relaxed);
  services().waits.wake();
}

std::optional<pulse::time_point> link::release(pulse::time_point now) {
  if (!queue_.is_shaped()) return std::nullopt;
  std::unique_lock lock(mutex_);
  if (is_over()) return std::nullopt;
  if (queue_.release(now)) pump(lock);
  return queue_.next_release();
}

void link::unblock() {
  std::unique_lock lock(mutex_);
  if (turn_ == turn::blocked) turn_ = turn::free;
  pump(lock);
}

void link::fail(error why) {
  {
    const std::lock_guard lock(mutex_);
    if (is_over()) return;
    why.text = fmt::format("link {} to {}: {}", id_.value, peer_, why.text);
    failure_ = std::move(why);
    is_over_ = true;
  }
  services().waits.wake();
}

std::optional<error> link::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void link::note(pulse::time_point now) {
  if (std::exchange(has_heard_, false)) pulse_.heard(now);
}

void link::tick(pulse::time_point now, pulse::duration away) {
  pulse_.forgive(away, now);
  pulse_.fade();
  if (pulse_.is_over(now)) {
    const auto to_ms = [](auto x) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(x).count();
    };
    return fail(
        {errc::timed_out,
         fmt::format("silent for {} ms, more than {} ms: the peer is stopped or overloaded, "
                     "or the network is cut",
                     to_ms(pulse_.silent_for(now)), to_ms(pulse_.patience()))});
  }
  if (has_spoken_.exchange(false, std::memory_order_relaxed)) return;
  std::unique_lock lock(mutex_);
  is_beat_due_ = true;
  pump(lock);
}

} // namespace lagrange::runtime::transport
