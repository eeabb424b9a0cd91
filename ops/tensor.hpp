/// \file
/// Tensors: a shared buffer, an element type and a shape. A tensor that has been handed on (put in
/// a message, captured by another actor) is immutable by convention; only its maker writes into it.
#pragma once

#include "ops/contract.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::ops {

/// Element types that tensors may have. The numbers are part of the wire format.
enum class dtype : std::uint8_t { f32 = 0, f16 = 1, bf16 = 2, i32 = 3, u8 = 4 };

/// Units: bytes of one element.
std::size_t size_bytes(dtype type);
std::string_view name(dtype type);

template <class T>
constexpr dtype dtype_of();
template <>
constexpr dtype dtype_of<float>() {
  return dtype::f32;
}
template <>
constexpr dtype dtype_of<std::int32_t>() {
  return dtype::i32;
}
template <>
constexpr dtype dtype_of<std::uint8_t>() {
  return dtype::u8;
}

/// Where a buffer lives. `index` counts the devices of one kind.
struct device {
  enum class kind_type : std::uint8_t { cpu = 0, cuda = 1 };
  kind_type kind = kind_type::cpu;
  int index = 0;
  bool operator==(const device&) const = default;
};

/// Up to six extents, outermost first, row-major. A scalar has no extent and one element.
class shape {
public:
  static constexpr std::size_t rank_max = 6;
  shape() = default;
  shape(std::initializer_list<std::int64_t> extents);
  explicit shape(std::span<const std::int64_t> extents);
  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t axis) const { return extents_[axis]; }
  std::span<const std::int64_t> extents() const { return {extents_.data(), rank_}; }
  /// Product of the extents.
  std::int64_t elements() const;
  bool operator==(const shape&) const = default;

private:
  std::array<std::int64_t, rank_max> extents_{};
  std::size_t rank_ = 0;
};

/// As in "[64, 28, 28, 1]".
std::string to_string(const shape& extents);

/// Bytes on one device, aligned to 64 and padded to a multiple of it. Not copyable.
class buffer {
public:
  /// Errors: throws device_error when the memory is not to be had.
  explicit buffer(std::size_t size_bytes, device where = {});
  /// Memory that somebody else owns, and leaves alone until `keeper` is let go: a received frame, a
  /// mapped file, a device's. Nobody may write into it if its owner says so.
  /// Requires: aligned to 8, and readable up to the next multiple of 8.
  buffer(std::byte* data, std::size_t size_bytes, std::shared_ptr<const void> keeper,
         device where = {});
  ~buffer();
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }
  device where() const { return where_; }

private:
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
  device where_;
  std::shared_ptr<const void> keeper_; ///< null: the memory is this buffer's own
};

/// A shaped view of a shared buffer. Copying a tensor copies a reference, never the elements.
class tensor {
public:
  tensor() = default;
  /// Uninitialised memory for `extents` elements of `type`.
  tensor(dtype type, shape extents, device where = {});
  /// A view of `memory`, its first element `offset_bytes` into it.
  /// Requires: the elements lie inside the buffer, aligned to their size.
  tensor(dtype type, shape extents, std::shared_ptr<buffer> memory, std::size_t offset_bytes = 0);
  dtype type() const { return type_; }
  const shape& extents() const { return extents_; }
  std::int64_t elements() const { return extents_.elements(); }
  std::size_t size_bytes() const;
  bool empty() const { return memory_ == nullptr; }
  /// Whether anybody else holds this memory. While nobody does, its maker may write into it again.
  bool is_shared() const { return memory_.use_count() > 1; }
  device where() const { return memory_ ? memory_->where() : device{}; }
  std::byte* bytes() { return memory_->data() + offset_; }
  const std::byte* bytes() const { return memory_->data() + offset_; }
  /// `count` elements from `first` on, as a vector that shares this tensor's memory.
  tensor slice(std::int64_t first, std::int64_t count) const;
  /// The same memory read as elements of another type, from `offset_bytes` into this tensor on.
  /// Requires: the elements lie inside the buffer, aligned to their size.
  tensor view(dtype type, shape extents, std::size_t offset_bytes = 0) const;
  /// All of the memory that this is a part of, as bytes.
  tensor whole() const;

  /// The elements. Requires: T matches type(), memory on the CPU.
  template <class T>
  std::span<T> values() {
    check(dtype_of<std::remove_const_t<T>>());
    return {reinterpret_cast<T*>(bytes()), static_cast<std::size_t>(elements())};
  }
  template <class T>
  std::span<const T> values() const {
    check(dtype_of<std::remove_const_t<T>>());
    return {reinterpret_cast<const T*>(bytes()), static_cast<std::size_t>(elements())};
  }

private:
  void check(dtype wanted) const;
  std::shared_ptr<buffer> memory_;
  std::size_t offset_ = 0; ///< bytes before the first element
  dtype type_ = dtype::f32;
  shape extents_;
};

} // namespace lagrange::ops
