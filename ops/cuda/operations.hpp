/// \file
/// The functions of ops/functions.hpp on a device: each gives calls of the backend to the worker's
/// stream. Plain C++, built without CUDA.
///
/// Views are of device memory, but integers, which lie on the host. In 16 bits an operand that is
/// f32 all the same (data, biases, parameters of normalisations) is converted where a call wants
/// it so; gradients of parameters are f32.
#pragma once

#include "ops/cuda/device_stream.hpp"
#include "ops/operation.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace lagrange::ops::cuda {

using device_operation_maker = std::unique_ptr<operation> (*)(device_stream& on,
                                                              const operation_site& at);
struct operation_row {
  std::string_view name; ///< as in operation_key
  device_operation_maker make;
};

/// Every function, by name.
std::span<const operation_row> operations();

/// The same by family, a source each.
std::span<const operation_row> elementwise_operations();
std::span<const operation_row> product_operations();
std::span<const operation_row> image_operations();
std::span<const operation_row> norm_operations();
std::span<const operation_row> row_operations();
std::span<const operation_row> loss_operations();
std::span<const operation_row> pair_operations();

template <class Operation>
std::unique_ptr<operation> make_one(device_stream& on, const operation_site& at) {
  return std::make_unique<Operation>(on, at);
}

/// An operand as elements of `type`: itself, or a copy for the length of a scope.
class typed_operand {
public:
  typed_operand(device_stream& on, const view& x, dtype type);
  const void* data() const { return data_; }
  const float* floats() const { return static_cast<const float*>(data_); }

private:
  std::optional<scratch_bytes> copy_;
  const void* data_;
};

/// A result that a call writes as elements of `type`: in its place, or beside it, from where
/// store() brings it there. Null where nobody wants it.
class typed_result {
public:
  typed_result(device_stream& on, const view& y, dtype type);
  /// The same, but memory to write to even where nobody wants it.
  static typed_result always(device_stream& on, const view& y, dtype type, std::size_t count);
  void* data() const { return data_; }
  float* floats() const { return static_cast<float*>(data_); }
  void store();

private:
  typed_result(device_stream& on, const view& y, dtype type, std::size_t count);
  device_stream& on_;
  view y_;
  dtype type_;
  std::optional<scratch_bytes> beside_;
  void* data_ = nullptr;
};

/// y = x times a number that lies on the device. Shapes: x, y [count], by [].
void scale_by(device_stream& on, const float* x, std::int64_t count, const view& by, float* y);

/// The whole number at a place of an operation's key.
inline std::int64_t number(const operation_site& at, std::size_t place) {
  return static_cast<std::int64_t>(at.key.numbers[place]);
}
inline std::int64_t count_of(const view& x) { return static_cast<std::int64_t>(x.count); }
/// Of rows of so many columns.
inline std::int64_t rows_of(const view& x, std::int64_t columns) { return count_of(x) / columns; }

/// Takes the slopes of relu, in place, where an operation ends in one.
void relu_slopes(device_stream& on, const view& y, const view& d_y);

} // namespace lagrange::ops::cuda
