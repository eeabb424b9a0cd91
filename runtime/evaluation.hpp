/// \file
/// What a job is tested on, and how: the test set in batches, and of the tables the rows that these
/// touch, which are the same every time.
#pragma once

#include "runtime/collection.hpp"
#include "runtime/computation.hpp"
#include "runtime/data/dataset.hpp"

#include <memory>

namespace lagrange::runtime {

class evaluation {
public:
  evaluation(std::shared_ptr<const dataset> test, std::unique_ptr<computation> what);

  /// Of every table, those that the test touches; null if the network has no tables.
  const std::shared_ptr<const wanted_rows>& rows() const { return rows_; }
  /// Forward passes over all samples, in stored order.
  /// Requires: all shards' parameters, and of the tables what rows() says.
  ops::scores run(const gathered_parameters& parameters);

private:
  std::shared_ptr<const dataset> test_;
  std::unique_ptr<computation> computation_;
  std::shared_ptr<const wanted_rows> rows_;
};

} // namespace lagrange::runtime
