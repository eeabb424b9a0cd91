/// \file
/// Memory that processes of one host share: files without a name, which are gone with the last
/// process that holds them, sealed so that nobody can pull them from under a reader.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace lagrange::runtime::transport {

/// Sparse: pages appear when they are written. Its size is sealed. Errors: throws device_error.
descriptor make_memory_file(const char* name, std::uint64_t bytes);
/// From now on nobody else may map it to write. Requires: it is mapped already by who writes.
void seal_for_readers(const descriptor& file);
/// Its size, if that is sealed: then no access to it can ever fail (SIGBUS).
/// Errors: bad_frame (a file that came from a peer and is none of these).
result<std::uint64_t> sealed_bytes(const descriptor& file);

enum class access : std::uint8_t { read = 0, write };

/// A part of such a file in this process. Errors: throws device_error.
class mapping {
public:
  mapping() = default;
  mapping(const descriptor& file, std::uint64_t offset, std::uint64_t bytes, access how);
  /// The same part twice, one behind the other: what crosses the end goes on at the beginning.
  static mapping mirrored(const descriptor& file, std::uint64_t offset, std::uint64_t bytes,
                          access how);
  mapping(mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  mapping& operator=(mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~mapping();

  std::byte* data() const { return data_; }
  std::uint64_t bytes() const { return bytes_; }

private:
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
};

} // namespace lagrange::runtime::transport
