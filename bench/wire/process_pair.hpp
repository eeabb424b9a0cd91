/// \file
/// Two processes on two cores, and what they share: a socket for orders, a page of memory and a
/// TCP connection for the bare channels. The near one is this process; the far one is the same
/// program started anew, so that nothing is inherited but descriptors.
#pragma once

#include "runtime/transport/descriptor.hpp"
#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/memory_file.hpp"

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace lagrange::bench {

/// Where payload goes.
enum class direction : std::uint8_t {
  push = 0, ///< from the near process to the far one
  pull,     ///< back
  both,     ///< both at the same time
  exchange, ///< there, and then back, one at a time
};

enum class bare_way : std::uint8_t { shared_memory = 0, tcp };

/// Who answers at the far end of the tensor plane.
enum class far_role : std::uint8_t {
  copier = 0, ///< copies a push into its own memory
  adder,      ///< adds it there
  sgd_shard,  ///< runtime::shard_port: policy asp, plain SGD
  adam_shard, ///< the same with Adam
};

enum class order_kind : std::uint8_t { bare = 0, open_plane, open_caf, close_caf };

/// What the far process is told. Plain bytes: both are the same program.
struct order {
  order_kind kind = order_kind::bare;
  direction goes = direction::push;
  bare_way way = bare_way::shared_memory;
  far_role role = far_role::copier;
  bool is_tcp = false; ///< of a plane
  std::uint32_t spin_us = 0;
  std::uint64_t sequence = 0; ///< numbers bare windows
  std::uint64_t bytes = 0;    ///< of one message
  std::uint64_t count = 0;
};

/// Where the far process is to be reached.
struct answer {
  std::uint64_t process = 0, number = 0;
  std::uint16_t plane_port = 0, caf_port = 0;
  char host[128] = {}, local[128] = {}, ip[64] = {};
};
answer answer_of(const runtime::transport::address& x);
runtime::transport::address address_in(const answer& x);

/// One direction of the bare copy through shared memory: a ring of bytes whose cursors count up.
struct bare_ring {
  static constexpr std::uint64_t bytes = std::uint64_t{1} << 20;
  alignas(64) std::atomic<std::uint64_t> written{0};
  alignas(64) std::atomic<std::uint64_t> read{0};
  alignas(4096) std::byte room[bytes];
};
struct shared_page {
  alignas(64) std::atomic<std::uint64_t> ready{0};    ///< windows that the far side has begun
  alignas(64) std::atomic<std::uint64_t> finished{0}; ///< and ended
  bare_ring down, up;                                 ///< to the far process, and from it
};

/// What either process has of the pair.
class pair_end {
public:
  pair_end(runtime::transport::descriptor control, runtime::transport::descriptor memory,
           runtime::transport::descriptor tcp);
  shared_page& shared() const { return *reinterpret_cast<shared_page*>(memory_.data()); }
  int tcp() const { return tcp_.get(); }
  void send(const void* bytes, std::size_t count) const;
  /// False: the other process is gone.
  bool receive(void* bytes, std::size_t count) const;

private:
  runtime::transport::descriptor control_, tcp_;
  runtime::transport::mapping memory_;
};

/// The near process: starts the far one, and ends it.
class process_pair {
public:
  /// Errors: throws device_error when the machine gives no second core, process or connection.
  process_pair();
  ~process_pair();
  process_pair(const process_pair&) = delete;
  process_pair& operator=(const process_pair&) = delete;

  const pair_end& end() const { return *end_; }
  void tell(const order& what) const { end_->send(&what, sizeof what); }
  answer ask(const order& what) const;
  int near_core() const { return near_core_; }
  int far_core() const { return far_core_; }

private:
  std::optional<pair_end> end_;
  pid_t far_ = -1;
  int near_core_ = -1, far_core_ = -1;
};

/// The far process's end of the pair, if this process was started as one.
std::optional<pair_end> far_end(std::span<char*> arguments);

} // namespace lagrange::bench
