/// \file
/// The work that the benchmark of tables measures: what a shard does with the rows of batch after
/// batch, the same loops bare, and a whole training in one thread without any message.
#pragma once

#include "runtime/assembly.hpp"
#include "runtime/table_split.hpp"

#include <memory>
#include <string>
#include <vector>

namespace lagrange::bench {

struct table_bench {
  std::int64_t rows_a = 10'000'000, rows_b = 1'000'000, width = 16, batch = 1024;
  std::int64_t samples = 2'000'000;
  std::uint32_t shards = 2;

  std::string job_text() const;
};

/// The job and its data, as each of its processes has them.
struct table_setting {
  explicit table_setting(const table_bench& set);
  runtime::catalog rows = runtime::catalog::standard();
  runtime::job job;
  runtime::data_facts facts;
  std::unique_ptr<runtime::dataset> data;
  /// The batch of a lease, in the order of the samples.
  runtime::batch batch_of(std::uint64_t lease) const;
};

/// Batches that the loops go over again and again.
constexpr std::uint64_t batches = 200;

/// Shard 0 of the job: a pull and a push for each batch, from frame to frame.
class shard_loop {
public:
  explicit shard_loop(const table_bench& set);
  void run();
  const std::vector<runtime::table_rows>& rows() const { return wanted_; }
  std::size_t row_count() const;

private:
  table_setting setting_;
  std::unique_ptr<runtime::shard> shard_;
  std::vector<runtime::table_rows> wanted_; ///< by batch
  std::vector<ops::tensor> gradients_;      ///< of those rows
  std::uint64_t clock_ = 0;
};

/// A gather and a step of adagrad over the same rows, in memory of the same size.
class bare_loop {
public:
  bare_loop(const table_bench& set, const std::vector<runtime::table_rows>& rows);
  void run();

private:
  const std::vector<runtime::table_rows>& rows_;
  std::vector<runtime::shard_table> tables_;
  std::vector<float> values_;
};

/// Every sample once: find the rows, gather, forward and backward, step.
class training_loop {
public:
  explicit training_loop(const table_bench& set);
  void run();
  std::size_t row_count() const { return count_; }

private:
  table_setting setting_;
  std::unique_ptr<ops::network> network_;
  std::vector<runtime::shard_table> tables_;
  std::size_t count_ = 0; ///< rows of the last run
};

} // namespace lagrange::bench
