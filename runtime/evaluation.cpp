#include "runtime/evaluation.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::runtime {

namespace {

/// Samples of one forward pass: large enough for the products, small enough for the cache.
constexpr std::size_t batch_samples = 250;

std::vector<std::int32_t> positions_of(const std::vector<bool>& marks) {
  std::vector<std::int32_t> made;
  for (std::size_t row = 0; row < marks.size(); ++row)
    if (marks[row]) made.push_back(static_cast<std::int32_t>(row));
  return made;
}

/// Calls `work` with all samples, batch by batch.
template <class Work>
void each_batch(const dataset& of, const Work& work) {
  std::vector<std::uint32_t> positions;
  for (std::size_t first = 0; first < of.size(); first += batch_samples) {
    positions.resize(std::min(batch_samples, of.size() - first));
    std::iota(positions.begin(), positions.end(), static_cast<std::uint32_t>(first));
    work(of.gather(positions));
  }
}

void add(ops::scores& to, const ops::scores& part) {
  to.loss_sum += part.loss_sum;
  to.correct += part.correct;
  to.samples += part.samples;
}

} // namespace

evaluation::evaluation(std::shared_ptr<const dataset> test, std::unique_ptr<computation> what)
    : test_(std::move(test)), computation_(std::move(what)) {
  LAGRANGE_EXPECT(test_ != nullptr && computation_ != nullptr, "an evaluation of nothing");
  std::vector<std::vector<bool>> touched;
  for (const auto& spec : computation_->network().parameters())
    if (spec.is_table()) touched.emplace_back(spec.rows());
  if (touched.empty()) return;
  each_batch(*test_, [&](const batch& samples) {
    const auto& rows = computation_->touch(samples).rows;
    for (std::size_t table = 0; table < touched.size(); ++table)
      for (const auto row : rows[table]) touched[table][static_cast<std::size_t>(row)] = true;
  });
  auto made = std::make_shared<wanted_rows>();
  made->kind = wanted_rows::kind_type::listed;
  std::ranges::transform(touched, std::back_inserter(made->rows), positions_of);
  rows_ = std::move(made);
}

ops::scores evaluation::run(const gathered_parameters& parameters) {
  const auto held = rows_ ? held_rows{rows_->rows, parameters.tables} : held_rows{};
  ops::scores total;
  each_batch(*test_, [&](const batch& samples) {
    add(total, computation_->evaluate(parameters.shards, samples, held));
  });
  return total;
}

} // namespace lagrange::runtime
