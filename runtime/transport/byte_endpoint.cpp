#include "runtime/transport/byte_endpoint.hpp"

#include "runtime/transport/hello.hpp"
#include "runtime/transport/shaped_frames.hpp"
#include "runtime/transport/shared_hello.hpp"
#include "runtime/transport/shared_link.hpp"
#include "runtime/transport/tcp_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

namespace lagrange::runtime::transport {

namespace {

using steady = std::chrono::steady_clock;

// What is in shared memory is seen without the kernel, which while a thread is awake only tells of
// peers that died: asking it each time would take most of a round trip.
constexpr std::uint32_t looks_at_memory = 64;

/// Nobody else's, and nobody can tell it beforehand.
std::string draw_name() { return "lagrange-" + to_text(draw_token()); }

std::string no_way_to(const address& peer) {
  return fmt::format("no way to reach the peer: it offers shared memory {}, TCP {}; this side may "
                     "use only what its own options name",
                     peer.local.empty() ? "to nobody" : "on its host",
                     peer.ip.empty() ? "to nobody" : fmt::format("at {}:{}", peer.ip, peer.port));
}

result<void> check(const byte_options& x) {
  const auto refused = [](std::string_view what) {
    return failure(errc::bad_argument, fmt::format("an endpoint's options: {}", what));
  };
  if (x.credit_bytes == 0) return refused("credit_bytes is 0, and nothing could be sent");
  if (x.arena_bytes == 0) return refused("arena_bytes is 0, and peers could share nothing");
  if (x.heartbeat_every.count() <= 0) return refused("heartbeat_every is not more than 0 ms");
  if (x.silence_min < 2 * x.heartbeat_every)
    return refused("silence_min is less than two heartbeats, and peers would be given up at once");
  if (x.silence_max < x.silence_min) return refused("silence_max is less than silence_min");
  return success();
}

class byte_endpoint final : public endpoint {
public:
  byte_endpoint(byte_options options, receiver& to)
      : services_(std::make_shared<link_services>(std::move(options))), to_(to) {
    if (!services_->options.shape.empty()) arriving_.emplace(services_->options.shape);
  }

  ~byte_endpoint() override {
    ring(ended_); // never read: whoever waits inside a hello sees it
    local_greeter_.reset();
    tcp_greeter_.reset();
    is_ending_ = true;
    services_->waits.wake();
    if (thread_.joinable()) thread_.join();
    // Views of received frames may keep their links; nothing is said to them any more.
    for (const auto& each : links_) {
      each.second->release(steady::time_point::max());
      each.second->close();
    }
  }

  result<void> start() {
    const auto& options = services_->options;
    if (has_shared_memory()) {
      arena_ = std::make_shared<arena>(options.arena_bytes);
      where_.host = host_id();
      where_.local = draw_name();
      BOOST_OUTCOME_TRY(made, listen_local(where_.local, options.with,
                                           [this](auto with) { host_shared(std::move(with)); }));
      local_greeter_ = std::move(made);
    }
    if (has_tcp()) {
      BOOST_OUTCOME_TRY(made, listen_tcp(options.ip, 0, options.with,
                                         [this](auto with) { host_tcp(std::move(with)); }));
      tcp_greeter_ = std::move(made);
      where_.ip = options.ip;
      where_.port = tcp_greeter_->port();
    }
    thread_ = std::thread([this] { run(); });
    return success();
  }

  const address& where() const override { return where_; }

  result<link_id> connect(const address& peer) override {
    const patience until(steady::now() + services_->options.connect_deadline, ended_.get());
    const bool may_tcp = has_tcp() && !peer.ip.empty();
    if (has_shared_memory() && !peer.local.empty() && !peer.host.empty() &&
        peer.host == where_.host) {
      auto made = connect_shared(peer, until);
      // Another container of this host may have the name of its socket to itself.
      if (made || !may_tcp || made.error().code != errc::peer_gone) return made;
    }
    if (may_tcp) return connect_tcp(peer, until);
    return failure(errc::bad_argument, no_way_to(peer));
  }

  std::uint64_t send(link_id to, frame what) override {
    const auto found = find(to);
    if (!found) return 0;
    if (own_thread_ != std::this_thread::get_id() || !found->is_better_together())
      return found->send(std::move(what), link::writing::now);
    // Answers to what has come together leave together.
    if (std::find(unwritten_.begin(), unwritten_.end(), found) == unwritten_.end())
      unwritten_.push_back(found);
    return found->send(std::move(what), link::writing::later);
  }

  void close(link_id gone) override {
    if (const auto found = take(gone)) {
      found->release(steady::time_point::max());
      found->pump(); // what was sent before still leaves, if it can at once
      found->close();
      services_->waits.wake();
    }
  }

  void post(std::function<void()> work) override {
    {
      const std::lock_guard lock(posted_mutex_);
      posted_.push_back(std::move(work));
    }
    services_->waits.wake();
  }

  bool runs_by_itself() const override { return true; }

  ops::tensor allocate(std::size_t bytes) override {
    if (auto made = arena_ ? arena_->allocate(bytes) : std::nullopt) return std::move(*made);
    return ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(bytes)});
  }

  traffic counted() const override {
    return {services_->sent.load(std::memory_order_relaxed),
            services_->received.load(std::memory_order_relaxed)};
  }

private:
  using link_pointer = std::shared_ptr<link>;

  bool has_shared_memory() const { return services_->options.ways != byte_ways::tcp; }
  bool has_tcp() const { return services_->options.ways != byte_ways::shared_memory; }

  patience for_hello() const {
    return patience(steady::now() + services_->options.connect_deadline, ended_.get());
  }

  result<link_id> connect_shared(const address& peer, const patience& until) {
    BOOST_OUTCOME_TRY(over, call_local(peer.local, services_->options.with, until.until()));
    return begin_shared(std::move(over), until);
  }
  result<link_id> connect_tcp(const address& peer, const patience& until) {
    BOOST_OUTCOME_TRY(over, call_tcp(peer.ip, peer.port, services_->options.with, until.until()));
    return begin_tcp(std::move(over), until);
  }
  // A caller that breaks off, or speaks another version, is its own affair: it is told there.
  void host_shared(std::unique_ptr<stream> over) {
    [[maybe_unused]] const auto begun = begin_shared(std::move(over), for_hello());
  }
  void host_tcp(std::unique_ptr<stream> over) {
    [[maybe_unused]] const auto begun = begin_tcp(std::move(over), for_hello());
  }

  result<link_id> begin_shared(std::unique_ptr<stream> over, const patience& until) {
    const link_id id{next_id_.fetch_add(1)};
    BOOST_OUTCOME_TRY(made, make_shared_link(id, std::move(over), arena_, services_, until));
    return add(std::move(made));
  }
  result<link_id> begin_tcp(std::unique_ptr<stream> over, const patience& until) {
    BOOST_OUTCOME_TRY(of, say_hello(*over, services_->options.credit_bytes, until));
    return add(make_tcp_link({next_id_.fetch_add(1)}, std::move(over), of, services_));
  }

  link_id add(link_pointer made) {
    const auto id = made->id();
    // Before anybody can send: a sender that finds the socket full asks to hear when it is not.
    services_->waits.add(made->pollable(), id.value);
    {
      const std::lock_guard lock(mutex_);
      links_.emplace(id.value, made);
      fresh_.push_back(std::move(made));
    }
    services_->waits.wake();
    return id;
  }

  link_pointer find(link_id id) const {
    const std::shared_lock lock(mutex_);
    const auto found = links_.find(id.value);
    return found == links_.end() ? nullptr : found->second;
  }

  link_pointer take(link_id id) {
    const std::lock_guard lock(mutex_);
    const auto found = links_.find(id.value);
    if (found == links_.end()) return nullptr;
    auto taken = std::move(found->second);
    links_.erase(found);
    return taken;
  }

  // ---- the thread

  void run() {
    own_thread_ = std::this_thread::get_id();
    auto last_busy = steady::now();
    last_tick_ = last_busy;
    while (!is_ending_) {
      const bool is_called = services_->waits.get_up();
      const bool is_busy = turn(is_called) || is_called;
      const auto now = steady::now();
      tick(now);
      if (is_busy) last_busy = now;
      if (is_busy || now - last_busy < services_->options.spin) {
        if (has_streams_ || ++looks_ % looks_at_memory == 0) dispatch(std::chrono::nanoseconds(0));
        continue;
      }
      const auto tick_due = last_tick_ + services_->options.heartbeat_every;
      if (lie_down()) dispatch(std::min(tick_due, shaped_due_.value_or(tick_due)) - now);
      for (const auto& each : live_) each->get_up();
    }
  }

  /// Hands out what there is. Whether there was anything.
  bool turn(bool is_called) {
    const bool is_busy = is_called && adopt() | run_posted();
    bool has_heard = false;
    for (const auto& each : live_) {
      if (each->receive(arriving_ ? *arriving_ : to_)) has_heard = true;
      if (each->is_unfinished()) each->pump();
      write_all();
    }
    if (has_heard) {
      const auto now = steady::now();
      for (const auto& each : live_) each->note(now);
    }
    if (arriving_) has_heard |= pass_shaped();
    has_heard |= bury();
    if (has_heard) to_.on_quiet();
    write_all();
    return is_busy || has_heard;
  }

  /// Whatever has waited for its injected time. Whether the receiver heard.
  bool pass_shaped() {
    const auto now = steady::now();
    bool has_heard = false;
    while (auto next = arriving_->take(now)) {
      if (!find(next->link)) continue; // closed meanwhile
      to_.on_frame(next->link, std::move(next->what));
      has_heard = true;
    }
    write_all();
    shaped_due_ = arriving_->next();
    for (const auto& each : live_)
      if (const auto due = each->release(now))
        shaped_due_ = std::min(shaped_due_.value_or(*due), *due);
    return has_heard;
  }

  /// What a link that has ended had brought: it comes early rather than never.
  void pass_last(link_id gone) {
    while (auto next = arriving_->take_of(gone)) to_.on_frame(gone, std::move(*next));
  }

  /// What was sent from inside the receiver or from posted work.
  void write_all() {
    for (const auto& each : unwritten_) each->pump();
    unwritten_.clear();
  }

  void dispatch(std::chrono::nanoseconds at_most) {
    for (const auto& event : services_->waits.wait(at_most)) {
      const auto found = std::find_if(live_.begin(), live_.end(), [&](const auto& each) {
        return each->id().value == event.data.u64;
      });
      if (found != live_.end()) (*found)->on_ready(event.events);
    }
  }

  bool lie_down() {
    if (!services_->waits.lie_down()) return false;
    return std::all_of(live_.begin(), live_.end(),
                       [](const auto& each) { return each->lie_down(); });
  }

  bool adopt() {
    std::vector<link_pointer> fresh;
    {
      const std::lock_guard lock(mutex_);
      fresh.swap(fresh_);
    }
    for (auto& each : fresh) {
      has_streams_ |= each->is_better_together();
      live_.push_back(std::move(each));
    }
    return !fresh.empty();
  }

  bool run_posted() {
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(posted_mutex_);
      work.swap(posted_);
    }
    for (const auto& each : work) each();
    return !work.empty();
  }

  /// Parts with links that are over, and says so of those that were not closed from here.
  bool bury() {
    bool has_spoken = false;
    for (std::size_t i = 0; i < live_.size();) {
      if (!live_[i]->is_over()) {
        ++i;
        continue;
      }
      const auto gone = std::move(live_[i]);
      live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
      services_->waits.remove(gone->pollable());
      if (arriving_ && find(gone->id())) pass_last(gone->id());
      if (arriving_) arriving_->forget(gone->id());
      const bool was_closed = take(gone->id()) == nullptr;
      if (const auto why = gone->failure(); why && !was_closed) {
        to_.on_down(gone->id(), *why);
        has_spoken = true;
      }
    }
    return has_spoken;
  }

  void tick(steady::time_point now) {
    const auto every = services_->options.heartbeat_every;
    const auto since = now - last_tick_;
    if (since < every) return;
    last_tick_ = now;
    // What we slept too long, stopped or inside the receiver, was not the peers' silence.
    const auto away = std::max<steady::duration>(since - 2 * every, steady::duration::zero());
    for (const auto& each : live_) each->tick(now, away);
  }

  const std::shared_ptr<link_services> services_;
  std::shared_ptr<arena> arena_; ///< none without shared memory
  receiver& to_;
  address where_;
  const descriptor ended_ = make_doorbell();
  std::atomic<bool> is_ending_{false};
  std::atomic<std::thread::id> own_thread_{};
  std::atomic<std::uint64_t> next_id_{1};

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::uint64_t, link_pointer> links_;
  std::vector<link_pointer> fresh_; ///< not yet known to the thread

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;

  // Of the thread.
  std::vector<link_pointer> live_;
  bool has_streams_ = false; ///< among the links, so far: what comes there only the kernel tells
  std::uint32_t looks_ = 0;
  std::vector<link_pointer> unwritten_;
  steady::time_point last_tick_;
  std::optional<shaped_frames> arriving_;        ///< where times are injected
  std::optional<steady::time_point> shaped_due_; ///< when one of them is over

  std::unique_ptr<greeter> tcp_greeter_, local_greeter_;
  std::thread thread_;
};

} // namespace

result<std::unique_ptr<endpoint>> make_byte_endpoint(byte_options options, receiver& to) {
  BOOST_OUTCOME_TRY(check(options));
  auto made = std::make_unique<byte_endpoint>(std::move(options), to);
  BOOST_OUTCOME_TRY(made->start());
  return std::unique_ptr<endpoint>(std::move(made));
}

} // namespace lagrange::runtime::transport
