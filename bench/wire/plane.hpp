/// \file
/// The tensor plane under measurement. The near process does what a worker does: pushes cut into
/// frames of 1 MiB, pulls, a few of them under way. The far process does what a shard does, with
/// the numbers left out (it copies or adds a push) or with the shard's twin itself.
#pragma once

#include "bench/wire/bare.hpp"
#include "runtime/messages.hpp"
#include "runtime/transport/byte_endpoint.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>

namespace lagrange::bench {

/// Where the numbers of a push lie.
enum class gradient_memory : std::uint8_t {
  plane = 0, ///< endpoint::allocate, into which a worker computes its gradient
  ordinary,  ///< memory of the process, which shared memory has to copy in
};

struct plane_options {
  far_role role = far_role::copier;
  direction goes = direction::push;
  bool is_tcp = false;
  std::chrono::microseconds spin{0};
  std::uint64_t bytes = 0; ///< of one push, and of the parameters
  gradient_memory from = gradient_memory::plane;
  std::uint64_t in_flight = 1; ///< pushes, pulls or pairs of them
};

/// Endpoint options for either side; the credit is what a job of this size would have.
runtime::transport::byte_options byte_options_of(std::uint64_t bytes, bool is_tcp,
                                                 std::chrono::microseconds spin);

/// Who speaks in all messages of the benchmark.
runtime::stamp stamp_of(runtime::actor_role role);
/// Pushes are cut into frames of this many elements, as the worker's twin cuts them.
constexpr std::int64_t frame_elements_max = 256 * 1024;

/// The near side of one measurement. All of it runs in the endpoint's thread; nobody else is awake.
class near_plane final : public runtime::transport::receiver {
public:
  near_plane(const process_pair& with, const plane_options& options, const bare_memory& memory);

  /// One window of `count` pushes, pulls or both. Units: seconds, from the first frame sent to the
  /// last answer taken.
  double run(std::uint64_t count);

  void on_frame(runtime::transport::link_id from, runtime::transport::frame what) override;
  void on_down(runtime::transport::link_id gone, const runtime::error& why) override;

private:
  void begin();
  void begin_one();
  void push();
  void pull();
  void send(runtime::transport::frame what);
  void take(const runtime::pull_reply& reply);
  void finish_one();

  plane_options options_;
  const bare_memory& memory_;
  ops::tensor gradient_;
  runtime::transport::link_id link_;
  std::uint64_t clock_ = 0; ///< units begun, in all windows
  std::uint64_t left_ = 0;  ///< of this window, to begin
  std::uint64_t open_ = 0;  ///< begun and not done
  std::uint64_t parts_ = 0; ///< answers, where a unit has two
  std::chrono::steady_clock::time_point start_, end_;
  std::binary_semaphore done_{0};
  std::unique_ptr<runtime::transport::endpoint> plane_;
};

/// The far side; lives until the next order.
class far_plane {
public:
  virtual ~far_plane() = default;
  virtual runtime::transport::address where() const = 0;
};
std::unique_ptr<far_plane> open_far_plane(const order& what, const bare_memory& memory);

} // namespace lagrange::bench
