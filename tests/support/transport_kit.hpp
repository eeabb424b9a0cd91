/// \file
/// What tests of the tensor plane's endpoints share: who listens, frames that can be told apart,
/// and the kinds of endpoint that every law is checked for.
#pragma once

#include "runtime/transport/byte_endpoint.hpp"
#include "tests/support/holdings.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lagrange::tests {

namespace transport = runtime::transport;
using transport::urgency;

/// What came, and from whom; holds the frames only if it is told to.
class listener final : public transport::receiver {
public:
  struct arrival {
    transport::link_id from;
    transport::frame what;
  };
  using down = std::pair<transport::link_id, runtime::error>;

  void on_frame(transport::link_id from, transport::frame what) override {
    if (const auto reply = answer_now()) (*reply)(from, what);
    const std::lock_guard lock(mutex_);
    ++frames_;
    if (keeps_) kept_.push_back({from, std::move(what)});
    changed_.notify_all();
  }
  void on_down(transport::link_id gone, const runtime::error& why) override {
    const std::lock_guard lock(mutex_);
    downs_.emplace_back(gone, why);
    changed_.notify_all();
  }
  void on_quiet() override {
    const std::lock_guard lock(mutex_);
    ++quiets_;
    changed_.notify_all();
  }

  using answer = std::function<void(transport::link_id, const transport::frame&)>;
  /// Is called for each frame that comes from now on, on the endpoint's thread.
  void reply_with(answer made) {
    const std::lock_guard lock(mutex_);
    answer_ = std::make_shared<const answer>(std::move(made));
  }

  bool wait_for_frames(std::size_t count) {
    return wait([&] { return frames_ >= count; });
  }
  bool wait_for_downs(std::size_t count) {
    return wait([&] { return downs_.size() >= count; });
  }
  bool wait_for_quiet() {
    return wait([&] { return quiets_ > 0; });
  }
  void keep() {
    const std::lock_guard lock(mutex_);
    keeps_ = true;
  }
  std::vector<arrival> take() {
    const std::lock_guard lock(mutex_);
    return std::move(kept_);
  }
  std::vector<down> downs() {
    const std::lock_guard lock(mutex_);
    return downs_;
  }
  std::size_t frames() {
    const std::lock_guard lock(mutex_);
    return frames_;
  }

private:
  std::shared_ptr<const answer> answer_now() {
    const std::lock_guard lock(mutex_);
    return answer_;
  }
  template <class Claim>
  bool wait(Claim claim) {
    std::unique_lock lock(mutex_);
    const bool has_come = changed_.wait_for(lock, long_enough, claim);
    if (!has_come)
      for (const auto& [gone, why] : downs_) UNSCOPED_INFO("meanwhile: " << why.text);
    return has_come;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const answer> answer_;
  bool keeps_ = false;
  std::size_t frames_ = 0, quiets_ = 0;
  std::vector<arrival> kept_;
  std::vector<down> downs_;
};

/// The tensor, filled with bytes that `seed` determines.
inline ops::tensor fill(ops::tensor made, std::uint64_t seed) {
  auto state = seed * 0x9E3779B97F4A7C15ull + 1;
  auto bytes = made.values<std::uint8_t>();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 8 == 0) state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    bytes[i] = static_cast<std::uint8_t>(state >> 8 * (i % 8));
  }
  return made;
}
inline ops::tensor random_bytes(std::size_t count, std::uint64_t seed) {
  return fill(ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(count)}), seed);
}
inline bool is_same(const ops::tensor& a, const ops::tensor& b) {
  return a.size_bytes() == b.size_bytes() && std::memcmp(a.bytes(), b.bytes(), a.size_bytes()) == 0;
}

inline transport::frame frame_of(std::uint16_t kind, urgency first,
                                 std::vector<ops::tensor> payloads = {}) {
  transport::frame made;
  made.kind = kind;
  made.first = first;
  made.head = {kind, 7, ~std::uint64_t{kind}};
  made.payloads.assign(payloads.begin(), payloads.end());
  return made;
}
inline bool is_same(const transport::frame& a, const transport::frame& b) {
  return a.kind == b.kind && a.first == b.first && a.head == b.head &&
         std::equal(a.payloads.begin(), a.payloads.end(), b.payloads.begin(), b.payloads.end(),
                    [](const auto& x, const auto& y) { return is_same(x, y); });
}

/// Makes endpoints of one kind, which can reach each other.
struct endpoint_kind {
  std::string name;
  std::function<std::unique_ptr<transport::endpoint>(transport::receiver&)> make;
  std::uint64_t credit_bytes = 0; ///< of its links; 0: they have no queue of their own
};

inline endpoint_kind kind_of(std::string name, transport::byte_options options) {
  return {
      std::move(name),
      [=](transport::receiver& to) { return transport::make_byte_endpoint(options, to).value(); },
      options.credit_bytes};
}

/// An endpoint and what it hears.
struct party {
  explicit party(const endpoint_kind& kind) : at(kind.make(hears)) {}
  listener hears;
  std::unique_ptr<transport::endpoint> at;
};

/// Sends until the frame is taken: a full queue is a slow peer's, and these are not.
inline bool send_all(transport::endpoint& from, transport::link_id to,
                     const transport::frame& what) {
  return comes_true([&] { return from.send(to, what) > 0; });
}

} // namespace lagrange::tests
