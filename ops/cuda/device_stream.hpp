/// \file
/// A worker's context and stream on a device, as C++ has them: calls that throw, memory that is
/// given back, and the ways in and out. What goes up in a step is put together in pinned memory and
/// copied before the next call that may read it, in as few pieces as that allows; what comes down
/// is copied at once, and there when the stream was waited for.
///
/// Invariants:
/// - nothing that lies in pinned memory is written over before the stream is past its copy;
/// - a step of sizes seen before asks neither the device nor the host's heap for memory.
#pragma once

#include "ops/cuda/backend.hpp"
#include "ops/operation.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lagrange::ops::cuda {

/// Used by one thread at a time. Every function throws device_error, with the device and the
/// backend's reason, if the device fails.
class device_stream final : public std::enable_shared_from_this<device_stream> {
public:
  /// Shared by the tensors of its memory. `table` stays.
  static std::shared_ptr<device_stream> open(const backend& table, int index);
  ~device_stream();
  device_stream(const device_stream&) = delete;
  device_stream& operator=(const device_stream&) = delete;

  /// Gives an operation of the table to the stream, as in run(&backend::product, {...}).
  template <class Call>
  void run(status (*backend::*what)(stream*, const Call&), const Call& call) {
    flush();
    is_busy_ = true;
    check((table_.*what)(stream_, call));
  }
  void copy(void* to, const void* from, std::size_t size_bytes);
  void clear(void* memory, std::size_t size_bytes);

  /// Memory until release(), even while work that uses it is still to be done.
  void* allocate(std::size_t size_bytes);
  void release(void* memory) noexcept;
  /// Bytes on the device, given back with the last tensor that views them.
  tensor memory(std::size_t size_bytes);

  /// Starts a step: what was brought up and down before is over. Waits only if the step before
  /// ended without a wait.
  void begin();
  /// A copy of `host` on the device, for the step. The host's bytes are free at once.
  void* bring_up(const void* host, std::size_t size_bytes);
  template <class T>
  const T* bring_up(std::span<const T> host) {
    return static_cast<const T*>(bring_up(host.data(), host.size_bytes()));
  }
  /// Device memory that finish() copies to `host`.
  void* bring_down(void* host, std::size_t size_bytes);
  /// A copy on the host of what is on the device now, there after the next wait and until begin().
  const void* copy_down(const void* memory, std::size_t size_bytes);
  /// Copies what bring_down() promised, and waits.
  void finish();
  void synchronise();

private:
  /// Pinned memory, and as much of the device.
  struct piece {
    std::byte* host = nullptr;
    std::byte* device = nullptr;
    std::size_t size_bytes = 0;
    std::size_t used_bytes = 0;
    std::size_t copied_bytes = 0; ///< of the used ones
  };
  /// Pieces that a step fills one after the other.
  struct lane {
    std::vector<piece> pieces;
    std::size_t at = 0;
  };
  struct promise {
    void* host;
    const void* pinned;
    std::size_t size_bytes;
  };

  device_stream(const backend& table, int index);
  void check(status why) const {
    if (why != nullptr) fail(why);
  }
  [[noreturn]] void fail(status why) const;
  piece& room_in(lane& of, std::size_t size_bytes);
  void flush();
  void restart(lane& of);
  void close(lane& of) noexcept;

  const backend& table_;
  const int index_;
  context* context_ = nullptr;
  stream* stream_ = nullptr;
  bool is_busy_ = false; ///< given work that nobody has waited for
  lane up_, down_, copied_;
  std::vector<promise> promises_;
};

/// Memory of a stream for the length of a scope.
class scratch_bytes {
public:
  scratch_bytes(device_stream& on, std::size_t size_bytes)
      : on_(on), memory_(on.allocate(size_bytes)) {}
  ~scratch_bytes() { on_.release(memory_); }
  scratch_bytes(const scratch_bytes&) = delete;
  scratch_bytes& operator=(const scratch_bytes&) = delete;
  void* data() const { return memory_; }
  float* floats() const { return static_cast<float*>(memory_); }

private:
  device_stream& on_;
  void* memory_;
};

} // namespace lagrange::ops::cuda
