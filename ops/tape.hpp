/// \file
/// Reverse-mode differentiation, define-by-run: a tape computes each operation at once, remembers
/// it, and walks back over what was done. A step that does what the step before did, which is the
/// rule, finds its operations, primitives and memory where that one left them: nothing is made or
/// allocated again.
///
/// Papers: Griewank, Walther: Evaluating Derivatives (2008); Paszke et al.: PyTorch (NeurIPS 2019).
#pragma once

#include "ops/memory_pool.hpp"
#include "ops/network.hpp"
#include "ops/operation.hpp"
#include "ops/processor.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace lagrange::ops {

class tape;

/// A tensor of the present step on a tape: what models compute with. Copies name the same tensor.
/// Ends with the step: it must not be used after tape::begin().
class variable {
public:
  variable() = default;
  variable(const variable& other);
  variable(variable&& other) noexcept;
  variable& operator=(variable other) noexcept;
  ~variable();

  const shape& extents() const;
  std::int64_t elements() const { return extents().elements(); }
  dtype type() const;
  /// The elements. Requires: T matches type().
  template <class T>
  std::span<const T> values() const {
    return readable().template values<const T>();
  }
  /// The elements of 16-bit numbers too. Valid until the next operation. On a device, reading
  /// waits.
  std::span<const float> floats() const;
  /// Of a single number.
  float item() const;
  tape& on() const { return *tape_; }

private:
  friend class tape;
  variable(tape& on, std::uint32_t node);
  view contents() const;
  view readable() const;
  tape* tape_ = nullptr;
  std::uint32_t node_ = 0;
  std::uint64_t step_ = 0;
};

/// Used by one thread at a time, and one tape of a processor at a time: a step ends where another
/// tape begins one. Evaluation lets go of what nobody holds; training keeps what the
/// way back needs.
///
/// A tape of f16 or bf16 keeps results, their gradients, and parameters of two extents and more in
/// 16 bits. Operations compute in f32, or on such elements as they are if they or their processor
/// can; single numbers (losses), data, and the gradients of parameters stay in f32.
/// Paper: Micikevicius et al.: Mixed Precision Training (ICLR 2018).
class tape {
public:
  /// On the CPU.
  explicit tape(pass_mode mode, dtype precision = dtype::f32);
  tape(pass_mode mode, dtype precision, processor& on);
  tape(const tape&) = delete;
  tape& operator=(const tape&) = delete;
  pass_mode mode() const { return mode_; }

  /// A new step. `key` is that of its random numbers.
  void begin(std::uint64_t key);

  /// Data that nobody differentiates by. Requires: it stays as it is for the step.
  variable constant(shape extents, view data);
  /// A parameter, known to observers by its position. backward() overwrites `gradient`; empty: it
  /// is not wanted. Requires: both stay where they are for the step.
  variable parameter(shape extents, std::span<const float> values, std::span<float> gradient,
                     std::size_t position);
  /// Computes an operation. Called by the functions of functions.hpp, which check shapes.
  variable record(const operation_key& key, std::initializer_list<variable> x, shape y,
                  operation_maker make);

  /// The gradient of `of` times `scale`, a single number, by all parameters of the step. Observers
  /// hear of gradients as they become final; on a device, of all at the end.
  /// Returns: the number. Cost: as much again as twice the forward pass. Afterwards values are
  /// gone.
  float backward(const variable& of, gradient_observer* tell = nullptr, float scale = 1);

private:
  friend class variable;
  static constexpr std::size_t operands_max = 6;
  enum class gradient_state : std::uint8_t { unwanted, awaited, begun };
  struct node {
    // Kept from step to step.
    operation_key key;
    std::vector<shape> x_extents;
    std::unique_ptr<operation> what; ///< null: a constant or a parameter
    // Of this step.
    std::vector<std::uint32_t> x;
    shape extents;
    view y, d;                 ///< outside memory, or that of the next two
    tensor own, own_d;         ///< from the pool
    std::size_t position = 0;  ///< of a parameter
    std::uint32_t holders = 0; ///< variables
    std::uint32_t waiting = 0; ///< operations that have not gone back
    gradient_state gradient = gradient_state::unwanted;
    bool is_parameter = false;
  };
  using views = std::array<view, operands_max>;

  /// By value, as record() too: what is passed may be the extents of a node, which move here.
  variable add_node(shape extents);
  void check(std::initializer_list<variable> x) const;
  std::span<const view> operands(const node& of, views& room);
  std::uint64_t key_of(const node& of) const;
  view take(tensor& into, dtype type, const shape& extents);
  void release(node& of);
  void drop(std::uint32_t index);
  void go_back(node& from);
  void pass_gradient(node& from);
  void add_gradients(node& from);
  view begin_gradient(node& of);
  void give(node& to, const view& d);
  void settle(node& of, gradient_observer* tell);
  void walk_back(gradient_observer* tell);
  bool is_apart(const node& to, const node& by) const;
  /// What operations write where `stored` is kept.
  dtype computed(dtype stored) const;
  /// What this one does.
  dtype computed(dtype stored, const node& by) const;
  /// An operand or gradient as f32: itself, or a copy that lasts until the next operation.
  view widened(const view& x);
  /// As this operation reads it.
  view widened(const view& x, const node& by);
  view room_for(std::int64_t elements, dtype type = dtype::f32);
  void clear_copies();

  std::unique_ptr<processor> own_; ///< null: somebody else's
  processor& on_;
  const pass_mode mode_;
  const dtype precision_;
  std::uint64_t key_ = 0;
  std::uint64_t step_ = 0;
  std::vector<node> nodes_; ///< the first `used_` belong to this step
  std::uint32_t used_ = 0;
  memory_pool pool_;
  std::vector<tensor> copies_; ///< until the next operation
};

} // namespace lagrange::ops
