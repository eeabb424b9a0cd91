/// \file
/// An operation: one differentiable function of tensors, made for the shapes of its operands and
/// kept from step to step. It owns primitives, scratch memory and what forward leaves for backward,
/// never its operands: a tape (tape.hpp) lays those out and passes them in.
///
/// To add one, write a file like relu.cpp and its declaration in functions.hpp.
#pragma once

#include "ops/tensor.hpp"

#include <array>
#include <memory>
#include <span>
#include <string_view>

namespace lagrange::ops {

/// Elements that somebody else owns, for as long as a pass lasts. Empty: nobody wants them.
struct view {
  dtype type = dtype::f32;
  void* data = nullptr;
  std::size_t count = 0;

  bool empty() const { return data == nullptr; }
  /// Requires: T matches `type`. What a pass reads is asked for as `const T`.
  template <class T>
  std::span<T> values() const {
    LAGRANGE_EXPECT(dtype_of<std::remove_const_t<T>>() == type || empty(),
                    "elements of type " + std::string(name(type)) + " read as another");
    return {static_cast<T*>(data), count};
  }
  std::span<const float> in() const { return values<const float>(); }
  std::span<float> out() const { return values<float>(); }
};

/// What an operation reads and writes on its way forward.
struct forward_pass {
  std::span<const view> x; ///< operands, in the order given when it was made
  view y;                  ///< out, overwritten
  std::uint64_t key = 0;   ///< of this pass's random numbers (random.hpp)
};

/// What it reads and writes on its way back. `x` and `y` are those of the last forward pass.
struct backward_pass {
  std::span<const view> x;
  view y;
  view d_y;                  ///< in; may be used as scratch
  std::span<const view> d_x; ///< out, by operand, overwritten; an empty one is not wanted
  std::uint64_t key = 0;
};

/// Used by one thread at a time.
class operation {
public:
  virtual ~operation() = default;
  virtual void forward(const forward_pass& pass) = 0;
  /// Requires: forward() with the same x, y and key came last.
  virtual void backward(const backward_pass& pass) = 0;
  /// The gradient of every operand is that of the result, as backward() leaves it in d_y: no d_x is
  /// asked for, and where nobody else adds to it no element is copied.
  virtual bool passes_gradient() const { return false; }
  /// Whether it reads and writes elements of this 16-bit type as they are, though its processor's
  /// operations in general do not (processor::computes_in()).
  virtual bool computes_in(dtype) const { return false; }
};

/// Whether batch statistics are taken, and numbers dropped.
enum class pass_mode : std::uint8_t { training = 0, evaluation };

/// What is done to every element of a result; part of an operation so that it costs no pass over
/// memory of its own.
enum class activation : std::uint8_t { none = 0, relu };

/// Names what an operation computes: together with its operands' shapes, all that it is made from.
struct operation_key {
  std::string_view name; ///< a literal
  std::array<double, 7> numbers{};
  bool operator==(const operation_key&) const = default;
};

class half_kernels;

/// What is known when an operation is made.
struct operation_site {
  operation_key key;
  std::span<const shape> x;
  shape y;
  pass_mode mode = pass_mode::training;
  dtype precision = dtype::f32;          ///< of results, as the tape stores them
  const half_kernels* kernels = nullptr; ///< those that the CPU may have for 16-bit operands
};
using operation_maker = std::unique_ptr<operation> (*)(const operation_site& at);

} // namespace lagrange::ops
