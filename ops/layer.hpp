/// \file
/// A layer: parameters, and how a variable goes through them. Layers say their parameters once,
/// when a network is built; the network lays the values out and passes them in, so no layer owns or
/// copies one. The same layer object serves every batch size, in training and evaluation.
#pragma once

#include "ops/functions.hpp"
#include "ops/network.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lagrange::ops {

/// The parameters of a network while it is built, and where each of them is.
class parameter_list {
public:
  parameter_list() : specs_(std::make_shared<std::vector<parameter_spec>>()) {}
  /// Returns the position under which the value comes back.
  std::size_t add(const std::string& name, const shape& extents, const initialiser& start);
  /// The same for a running average, which a shard moves as it came (functions.hpp, batch_norm).
  std::size_t add_statistic(const std::string& name, const shape& extents,
                            const initialiser& start);
  /// The same for a table of which a batch touches few rows: [rows, width], or [rows].
  std::size_t add_table(const std::string& name, const shape& extents, const initialiser& start);
  /// The same list; parameters that are added to it are called "<name>.weight" and so on.
  parameter_list within(const std::string& name) const;
  const std::vector<parameter_spec>& specs() const { return *specs_; }

private:
  std::shared_ptr<std::vector<parameter_spec>> specs_;
  std::string prefix_;
};

/// All parameters of a network as variables of this step, by position.
using parameter_values = std::span<const variable>;

class layer {
public:
  virtual ~layer() = default;
  /// Once, before apply(): adds the parameters for samples of this shape.
  /// Returns the shape of one sample after. Errors: throws std::invalid_argument, saying what would
  /// fit, if the layer cannot take such samples.
  virtual shape build(parameter_list& into, const shape& sample) = 0;
  /// Shapes: x [B, sample] -> [B, sample after].
  virtual variable apply(parameter_values parameters, const variable& x) = 0;
};

} // namespace lagrange::ops
