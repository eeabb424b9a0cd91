/// \file
/// A network: what a worker computes. It owns scratch memory and primitives, never parameters:
/// those come in as one flat vector, in the order of parameters(), and gradients leave the same
/// way, so that a worker can hand them to shards without knowing any layer. Tables are apart: of
/// them a network sees the rows that a batch touches, and nothing else.
#pragma once

#include "ops/tensor.hpp"
#include "ops/touched_rows.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lagrange::ops {

/// How a parameter starts. The values are a pure function of (seed, position of the tensor, index
/// of the element), so that a shard can make its own blocks alone.
struct initialiser {
  enum class kind_type : std::uint8_t { zeros, ones, uniform };
  kind_type kind = kind_type::zeros;
  /// uniform: drawn from [-limit, limit].
  float limit = 0;
};

struct parameter_spec {
  /// A weight is stepped by the optimizer. A statistic is a running average, as of batch norm: its
  /// "gradient" is what was read less the batch's value, and a shard moves it a tenth of that way.
  /// A table is many rows of which a batch touches few: they travel and are stepped row by row. Its
  /// extents are [rows, width], or [rows] where each row is one number.
  enum class kind_type : std::uint8_t { weight = 0, statistic, table };
  std::string name; ///< as in "conv1.weight"
  shape extents;
  initialiser start;
  kind_type kind = kind_type::weight;

  bool is_table() const { return kind == kind_type::table; }
  /// Of a table.
  std::int64_t rows() const { return extents[0]; }
  std::int64_t width() const { return extents.rank() > 1 ? extents[1] : 1; }
};

/// Fills `out` with the elements [first, first + out.size()) of the parameter at `position`.
void initialise(const parameter_spec& spec, std::uint64_t seed, std::size_t position,
                std::int64_t first, std::span<float> out);

/// What one evaluation of some samples found. Sums, so that parts can be added.
struct scores {
  double loss_sum = 0;
  std::int64_t correct = 0;
  std::int64_t samples = 0;
};

/// Hears which gradients are ready while others are still being computed.
class gradient_observer {
public:
  virtual ~gradient_observer() = default;
  /// Nothing will be added any more to the gradient of the parameter at `position`.
  virtual void on_final(std::size_t position) = 0;
};

/// The rows of one table that a batch touches, in the order of touched_rows, in memory for as many
/// as a batch of that size may touch: R = rows_touched_max(). What is behind them is read, but
/// changes nothing, and its gradient is 0.
/// Shapes: values [R, width], d_values [R, width].
struct table_part {
  std::span<const float> values;
  std::span<float> d_values = {}; ///< overwritten with the gradient; empty in evaluation
};

/// One step of training.
/// Shapes: parameters [N], inputs [B, ...] f32 or i32, labels one for each prediction,
/// d_parameters [N].
struct training_pass {
  std::span<const float> parameters;
  const tensor& inputs;
  std::span<const std::int32_t> labels;
  std::span<float> d_parameters;         ///< overwritten with the gradient of the mean loss
  std::uint64_t key = 0;                 ///< of this step's random numbers
  float loss_scale = 1;                  ///< of the loss, and so of d_parameters: against underflow
  gradient_observer* observer = nullptr; ///< null: nobody listens
  std::span<const table_part> tables = {}; ///< in the order of parameters(); then `inputs` are
                                           ///< those that touch() made with the same key
};

class processor;

/// One worker's network. Used by one thread at a time.
class network {
public:
  virtual ~network() = default;
  virtual std::span<const parameter_spec> parameters() const = 0;

  /// Forward and backward. Returns the mean loss of the batch. Observers hear of every parameter
  /// once, mostly of the last ones first.
  virtual float train(const training_pass& pass) = 0;

  /// From now on results and weights are f16 or bf16 inside; parameters and gradients stay f32.
  /// Errors: throws std::invalid_argument if this network computes in f32 alone.
  virtual void compute_in(dtype precision);
  /// From now on it computes on this, instead of on the CPU; devices.hpp makes one for a device.
  /// Parameters, gradients and samples come from the host's memory and go there all the same.
  /// Errors: throws std::invalid_argument if this network computes on the CPU alone.
  virtual void compute_on(std::unique_ptr<processor> where);

  /// Forward only, in evaluation mode. With tables, `inputs` are those that touch() made with key
  /// 0.
  virtual scores evaluate(std::span<const float> parameters, const tensor& inputs,
                          std::span<const std::int32_t> labels,
                          std::span<const table_part> tables = {}) = 0;

  /// Which rows of its tables a pass over `inputs` with `key` looks at, drawn ones included, and
  /// the inputs that name rows by their place among these. A pure function of (inputs, key): who
  /// asks for the rows needs no parameters. Requires: a network with tables.
  /// Cost: a sort of the rows; allocates nothing when `out` was used for as large a batch before.
  virtual void touch(const tensor& inputs, std::uint64_t key, touched_rows& out);
  /// Rows of the table at `position` that inputs of this shape touch at most, before touch() or
  /// after it.
  virtual std::int64_t rows_touched_max(std::size_t position, const shape& inputs) const;
};

/// Total number of elements of all parameters but tables: N above.
std::int64_t parameter_elements(std::span<const parameter_spec> specs);
/// The same of tables alone.
std::int64_t table_elements(std::span<const parameter_spec> specs);

} // namespace lagrange::ops
