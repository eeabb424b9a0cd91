#include "runtime/transport/shaped_in_process.hpp"

#include "runtime/transport/shaped_frames.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace lagrange::runtime::transport {

namespace {

using steady = std::chrono::steady_clock;

class shaped_endpoint final : public endpoint, private receiver {
public:
  shaped_endpoint(hub& meeting, receiver& owner, link_shape shape)
      : owner_(owner), leaving_(shape), arriving_(shape), inner_(meeting.open(*this)),
        thread_([this] { run(); }) {}

  ~shaped_endpoint() override {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    has_news_.notify_all();
    thread_.join();
    while (auto last = leaving_.take(steady::time_point::max()))
      inner_->send(last->link, std::move(last->what));
    inner_.reset(); // its calls end before what they use
  }

  const address& where() const override { return inner_->where(); }
  result<link_id> connect(const address& peer) override { return inner_->connect(peer); }

  std::uint64_t send(link_id to, frame what) override {
    const auto bytes = what.head.size() * sizeof(std::uint64_t) + what.payload_bytes();
    {
      const std::lock_guard lock(mutex_);
      if (gone_.contains(to)) return 0;
      leaving_.put(to, std::move(what), bytes);
    }
    has_news_.notify_all();
    return bytes;
  }

  void close(link_id gone) override {
    std::deque<frame> last;
    {
      const std::lock_guard lock(mutex_);
      if (!gone_.insert(gone).second) return;
      while (auto next = leaving_.take_of(gone)) last.push_back(std::move(*next));
      leaving_.forget(gone);
      arriving_.forget(gone);
    }
    for (auto& each : last) inner_->send(gone, std::move(each));
    inner_->close(gone);
  }

  void post(std::function<void()> work) override { inner_->post(std::move(work)); }
  bool runs_by_itself() const override { return false; }
  ops::tensor allocate(std::size_t bytes) override { return inner_->allocate(bytes); }
  traffic counted() const override { return inner_->counted(); }

private:
  struct down {
    link_id gone;
    error why;
  };

  void on_frame(link_id from, frame what) override {
    {
      const std::lock_guard lock(mutex_);
      if (gone_.contains(from)) return;
      arriving_.on_frame(from, std::move(what));
    }
    has_news_.notify_all();
  }

  void on_down(link_id gone, const error& why) override {
    {
      const std::lock_guard lock(mutex_);
      if (!gone_.insert(gone).second) return;
      leaving_.forget(gone);
      downs_.push_back({gone, why});
    }
    has_news_.notify_all();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!is_ending_)
      if (!turn(lock)) rest(lock);
  }

  /// Does one thing that is due, without the lock. False: nothing is.
  bool turn(std::unique_lock<std::mutex>& lock) {
    const auto now = steady::now();
    if (!downs_.empty()) {
      const auto next = std::move(downs_.front());
      downs_.pop_front();
      bury(next, lock);
    } else if (auto frame_out = leaving_.take(now)) {
      lock.unlock();
      inner_->send(frame_out->link, std::move(frame_out->what));
      lock.lock();
    } else if (auto frame_in = arriving_.take(now)) {
      lock.unlock();
      owner_.on_frame(frame_in->link, std::move(frame_in->what));
      lock.lock();
    } else {
      return false;
    }
    return true;
  }

  /// What came before the end comes early rather than never.
  void bury(const down& x, std::unique_lock<std::mutex>& lock) {
    while (auto last = arriving_.take_of(x.gone)) {
      lock.unlock();
      owner_.on_frame(x.gone, std::move(*last));
      lock.lock();
    }
    arriving_.forget(x.gone);
    lock.unlock();
    owner_.on_down(x.gone, x.why);
    lock.lock();
  }

  void rest(std::unique_lock<std::mutex>& lock) {
    auto due = leaving_.next();
    if (const auto other = arriving_.next()) due = std::min(due.value_or(*other), *other);
    if (due)
      has_news_.wait_until(lock, *due);
    else
      has_news_.wait(lock);
  }

  receiver& owner_;
  std::mutex mutex_; ///< of all that follows but the endpoint inside
  std::condition_variable has_news_;
  bool is_ending_ = false;
  shaped_frames leaving_, arriving_;
  std::set<link_id> gone_; ///< closed from here or from there
  std::deque<down> downs_; ///< not told yet
  std::unique_ptr<endpoint> inner_;
  std::thread thread_;
};

} // namespace

std::unique_ptr<endpoint> open_shaped(hub& meeting, receiver& owner, link_shape shape) {
  return std::make_unique<shaped_endpoint>(meeting, owner, shape);
}

} // namespace lagrange::runtime::transport
