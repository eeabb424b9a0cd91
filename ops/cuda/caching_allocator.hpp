/// \file
/// Keeps device memory for reuse: asking the device takes as long as many kernels, and giving back
/// waits for all of them. Plain C++ over an interface to the device, so that its rules are tested
/// without one.
///
/// Invariants:
/// - a block is handed out again only to the stream that it was allocated for, whose later work
///   comes after its earlier work; and, where other streams worked with it (`share`), only when
///   they are past all that they had been given at its release;
/// - held <= the limit, and held = used + kept;
/// - once every size of a step has been asked for, a step of the same sizes asks the device for
///   nothing and the host's heap for nothing.
///
/// Used by one thread at a time.
#pragma once

#include "ops/cuda/backend.hpp"

#include <map>
#include <vector>

namespace lagrange::ops::cuda {

/// The device as the allocator sees it. Streams are named by address.
class device_memory {
public:
  virtual ~device_memory() = default;
  /// Null if there is none left.
  virtual void* obtain(std::size_t size_bytes) = 0;
  /// Waits for all work that may use it.
  virtual void give_back(void* memory) = 0;
  /// Marks the point that the work given to a stream has come to.
  virtual std::uint64_t mark(const void* stream) = 0;
  /// Whether the stream is past the mark; true lets the mark be used again.
  virtual bool is_past(std::uint64_t mark) = 0;
  /// The mark is asked for no more.
  virtual void forget(std::uint64_t mark) = 0;
};

/// What is asked of the device for a request. Sizes are rounded up to multiples of 512 up to 8,192,
/// and above to one of eight steps from one power of two to the next, so that at most an eighth is
/// wasted and sizes that differ a little share blocks. Units: bytes.
std::size_t size_class(std::size_t size_bytes);

class caching_allocator {
public:
  /// `device` stays alive; at most `held_bytes_max` are taken from it.
  caching_allocator(device_memory& device, std::size_t held_bytes_max);
  ~caching_allocator();
  caching_allocator(const caching_allocator&) = delete;
  caching_allocator& operator=(const caching_allocator&) = delete;

  /// Null if there is no memory even after all that is kept for reuse was given back.
  void* allocate(const void* stream, std::size_t size_bytes);
  /// False if the memory is not of this allocator, or released already.
  bool share(const void* stream, void* memory);
  bool release(void* memory);

  /// Gives back all that is kept for reuse.
  void give_back_kept();
  /// Before a stream ends: gives back what is kept for it. What is used still goes straight back to
  /// the device at its release.
  void close_stream(const void* stream);
  memory_use use() const { return use_; }

private:
  struct block {
    void* memory = nullptr;
    std::size_t size_bytes = 0;
    const void* stream = nullptr;
    bool is_used = false;
    std::vector<const void*> shared_with;
    std::vector<std::uint64_t> marks; // of these streams, since the release
  };
  struct key {
    const void* stream;
    std::size_t size_bytes;
    auto operator<=>(const key&) const = default;
  };

  block* find_used(void* memory);
  bool is_free(block& kept);
  void give_back(block& kept);
  template <class Claim>
  void give_back_where(Claim claim);

  device_memory& device_;
  std::size_t held_bytes_max_;
  memory_use use_;
  std::map<void*, block> blocks_;
  std::map<key, std::vector<block*>> kept_;
};

} // namespace lagrange::ops::cuda
