/// \file
/// The conformance kit for endpoints of the tensor plane: give it how to make one, as
/// tests/runtime/transport_test.cpp does, and check every law of endpoint.hpp with it.
#pragma once

#include "runtime/transport/endpoint.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lagrange::tests {

namespace transport = runtime::transport;

/// Longer than anything here takes; only a failing test waits for it.
constexpr std::chrono::seconds long_enough{30};

/// What came, and from whom; holds the frames only if it is told to.
class listener final : public transport::receiver {
public:
  struct arrival {
    transport::link_id from;
    transport::frame what;
  };
  void on_frame(transport::link_id from, transport::frame what) override {
    if (reply) reply(from, what);
    std::lock_guard lock(mutex_);
    ++frames_;
    bytes_ += what.payload_bytes();
    if (keeps_) kept_.push_back({from, std::move(what)});
    changed_.notify_all();
  }
  void on_down(transport::link_id gone, const runtime::error& why) override {
    std::lock_guard lock(mutex_);
    downs_.emplace_back(gone, why);
    changed_.notify_all();
  }
  void on_quiet() override {
    std::lock_guard lock(mutex_);
    ++quiets_;
    changed_.notify_all();
  }

  /// Called before a frame is counted, on the endpoint's thread. Set before anything is sent.
  std::function<void(transport::link_id, const transport::frame&)> reply;

  /// Waits until `claim` holds of this; false after long enough.
  template <class Claim>
  bool wait(Claim claim) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, long_enough, [&] { return claim(*this); });
  }
  bool wait_for_frames(std::size_t count) {
    return wait([&](const listener& x) { return x.frames_ >= count; });
  }
  bool wait_for_downs(std::size_t count) {
    return wait([&](const listener& x) { return x.downs_.size() >= count; });
  }
  void keep() {
    std::lock_guard lock(mutex_);
    keeps_ = true;
  }
  std::vector<arrival> take() {
    std::lock_guard lock(mutex_);
    return std::move(kept_);
  }
  std::vector<std::pair<transport::link_id, runtime::error>> downs() {
    std::lock_guard lock(mutex_);
    return downs_;
  }
  std::size_t frames() {
    std::lock_guard lock(mutex_);
    return frames_;
  }
  std::size_t quiets() {
    std::lock_guard lock(mutex_);
    return quiets_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool keeps_ = false;
  std::size_t frames_ = 0, quiets_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<arrival> kept_;
  std::vector<std::pair<transport::link_id, runtime::error>> downs_;
};

/// A tensor of `bytes` bytes that `seed` determines.
inline ops::tensor fill(ops::tensor made, std::uint64_t seed) {
  auto state = seed * 0x9E3779B97F4A7C15ull + 1;
  auto bytes = made.values<std::uint8_t>();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 8 == 0) state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    bytes[i] = static_cast<std::uint8_t>(state >> 8 * (i % 8));
  }
  return made;
}
inline ops::tensor bytes_of(std::size_t count, std::uint64_t seed) {
  return fill(ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(count)}), seed);
}
inline bool is_same(const ops::tensor& a, const ops::tensor& b) {
  return a.size_bytes() == b.size_bytes() && std::memcmp(a.bytes(), b.bytes(), a.size_bytes()) == 0;
}

inline transport::frame frame_of(std::uint16_t kind, transport::urgency first,
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

/// Makes endpoints of one kind.
struct endpoint_kind {
  std::string name;
  std::function<std::unique_ptr<transport::endpoint>(transport::receiver&)> make;
  std::uint64_t credit_bytes = 0; ///< that its links have
};

/// An endpoint and what it hears.
struct party {
  explicit party(const endpoint_kind& kind) : at(kind.make(hears)) {}
  listener hears;
  std::unique_ptr<transport::endpoint> at;
};

/// Sends until the frame is taken: a full queue is a slow peer's, and these are not.
inline bool send_all(transport::endpoint& from, transport::link_id to,
                     const transport::frame& what) {
  const auto deadline = std::chrono::steady_clock::now() + long_enough;
  while (from.send(to, what) == 0)
    if (std::chrono::steady_clock::now() > deadline) return false;
  return true;
}

} // namespace lagrange::tests
