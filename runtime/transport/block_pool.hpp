/// \file
/// Memory for received frames, used again last in, first out, so that it is still in the caches and
/// its pages are there: a fresh large block costs more in page faults than the frame takes to come.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace lagrange::runtime::transport {

class block_pool;

/// Memory on loan from a pool, which it keeps alive.
class block {
public:
  block() = default;
  block(block&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_),
        from_(std::move(other.from_)) {}
  block& operator=(block&& other) noexcept {
    const block gone(std::move(*this)); // at once, not with the other
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = other.bytes_;
    from_ = std::move(other.from_);
    return *this;
  }
  ~block();
  std::byte* data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

private:
  friend class block_pool;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0; ///< as allocated
  std::shared_ptr<block_pool> from_;
};

/// Thread-safe.
class block_pool : public std::enable_shared_from_this<block_pool> {
public:
  /// Keeps at most `kept_bytes_max` of what is not on loan.
  explicit block_pool(std::size_t kept_bytes_max) : kept_bytes_max_(kept_bytes_max) {}
  ~block_pool();
  block_pool(const block_pool&) = delete;
  block_pool& operator=(const block_pool&) = delete;
  /// Aligned to 64 bytes, and readable up to the next multiple of 64; blocks of 2 MiB and more lie
  /// in huge pages where there are any. Errors: throws device_error.
  block take(std::size_t bytes);

private:
  friend class block;
  void give(std::byte* data, std::size_t bytes);

  const std::size_t kept_bytes_max_;
  std::mutex mutex_;
  std::size_t kept_bytes_ = 0;
  std::map<std::size_t, std::vector<std::byte*>> kept_; ///< by size
};

} // namespace lagrange::runtime::transport
