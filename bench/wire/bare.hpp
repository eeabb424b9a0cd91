/// \file
/// What everything is compared with: a bare sender and receiver without framing, acknowledgement or
/// checksum, as fast as this machine lets them be. Both sides spin and do nothing else.
///
/// Shared memory: copied into a ring and out of it in pieces that stay in the core's cache, both
/// sides at work at the same time. TCP: written up to 1 MiB at once, read in pieces of 64 KiB,
/// straight from and to the memory of sender and receiver, default socket buffers.
#pragma once

#include "bench/wire/process_pair.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace lagrange::bench {

/// Memory in huge pages where there are any, written once, so that no page is missing later.
class own_memory {
public:
  explicit own_memory(std::size_t bytes);
  std::span<std::byte> bytes() const { return {data_.get(), bytes_}; }
  std::span<float> values() const {
    return {reinterpret_cast<float*>(data_.get()), bytes_ / sizeof(float)};
  }

private:
  struct release {
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte, release> data_;
  std::size_t bytes_;
};

/// What the near side sends and receives, and the far one likewise.
struct bare_memory {
  own_memory source, target;
};

/// One window of the near side: `what` says which way and where, how many messages of how many
/// bytes. Returns: seconds.
double run_bare(const process_pair& with, const bare_memory& memory, order what);

/// The far side of it.
void answer_bare(const pair_end& with, const bare_memory& memory, const order& what);

} // namespace lagrange::bench
