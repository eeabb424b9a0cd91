/// \file
/// Payloads as one zstd stream, for links that are slower than a core compresses.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/block_pool.hpp"
#include "runtime/transport/frame.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace lagrange::runtime::transport {

/// Thread-safe; packs one frame at a time.
class packer {
public:
  struct packed {
    block memory;
    std::size_t bytes = 0;
  };
  packer();
  ~packer();
  packer(const packer&) = delete;
  packer& operator=(const packer&) = delete;
  /// None if it is not smaller so. Errors: throws device_error when there is no memory.
  std::optional<packed> pack(const frame& what, block_pool& memory);

private:
  std::mutex mutex_;
  ZSTD_CCtx_s* context_;
};

/// Unpacks one stream as its pieces come, with memory of its own of less than 1 MiB.
class unpacker {
public:
  unpacker();
  ~unpacker();
  unpacker(const unpacker&) = delete;
  unpacker& operator=(const unpacker&) = delete;
  void start();
  /// Goes on from `from` into `to`, and shortens both by what it has done.
  /// Errors: bad_frame (no zstd stream, or one that wants a larger window than packers use).
  result<void> unpack(std::span<const std::byte>& from, std::span<std::byte>& to);
  /// Whether the stream has come to its end.
  bool is_over() const { return is_over_; }

private:
  ZSTD_DCtx_s* context_;
  bool is_over_ = false;
};

} // namespace lagrange::runtime::transport
