#include "whole_tables.hpp"

#include "ops/processor.hpp"

#include <algorithm>

namespace lagrange::tests {

using namespace ops;

namespace {

class whole_tables final : public network {
public:
  explicit whole_tables(std::unique_ptr<network> inner)
      : inner_(std::move(inner)), specs_(inner_->parameters().begin(), inner_->parameters().end()) {
    for (auto& spec : specs_)
      if (spec.is_table()) spec.kind = parameter_spec::kind_type::weight;
    values_.resize(specs_.size());
    d_values_.resize(specs_.size());
    parts_.reserve(specs_.size());
  }

  std::span<const parameter_spec> parameters() const override { return specs_; }
  void compute_in(dtype precision) override { inner_->compute_in(precision); }
  void compute_on(std::unique_ptr<processor> where) override {
    inner_->compute_on(std::move(where));
  }

  float train(const training_pass& pass) override {
    take(pass.parameters, pass.inputs, pass.key);
    d_rest_.resize(rest_.size());
    const float found = inner_->train({rest_, touched_.inputs, pass.labels, d_rest_, pass.key,
                                       pass.loss_scale, pass.observer, parts_});
    give(pass.d_parameters);
    return found;
  }

  scores evaluate(std::span<const float> parameters, const tensor& inputs,
                  std::span<const std::int32_t> labels, std::span<const table_part>) override {
    take(parameters, inputs, 0);
    return inner_->evaluate(rest_, touched_.inputs, labels, parts_);
  }

private:
  /// Calls `work` with each parameter: its position, its first element, and, of a table, which.
  template <class Work>
  void each(const Work& work) const {
    std::size_t first = 0, table = 0;
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      const auto& spec = inner_->parameters()[i];
      work(i, first, spec.is_table() ? table++ : specs_.size());
      first += static_cast<std::size_t>(spec.extents.elements());
    }
  }

  void take(std::span<const float> flat, const tensor& inputs, std::uint64_t key) {
    inner_->touch(inputs, key, touched_);
    rest_.clear();
    parts_.clear();
    each([&](std::size_t i, std::size_t first, std::size_t table) {
      const auto& spec = specs_[i];
      const auto part = flat.subspan(first, static_cast<std::size_t>(spec.extents.elements()));
      if (table == specs_.size()) {
        rest_.insert(rest_.end(), part.begin(), part.end());
        return;
      }
      const auto width = static_cast<std::size_t>(spec.width());
      const auto room = inner_->rows_touched_max(i, touched_.inputs.extents());
      values_[table].assign(static_cast<std::size_t>(room) * width, 7.0F); // nobody is to look
      d_values_[table].assign(values_[table].size(), 9.0F);
      for (std::size_t r = 0; r < touched_.rows[table].size(); ++r)
        std::ranges::copy(
            part.subspan(static_cast<std::size_t>(touched_.rows[table][r]) * width, width),
            values_[table].begin() + static_cast<std::ptrdiff_t>(r * width));
      parts_.push_back({values_[table], d_values_[table]});
    });
  }

  void give(std::span<float> flat) const {
    auto rest = d_rest_.begin();
    std::ranges::fill(flat, 0.0F);
    each([&](std::size_t i, std::size_t first, std::size_t table) {
      const auto& spec = specs_[i];
      const auto part = flat.subspan(first, static_cast<std::size_t>(spec.extents.elements()));
      if (table == specs_.size()) {
        std::copy_n(rest, part.size(), part.begin());
        rest += std::ssize(part);
        return;
      }
      const auto width = static_cast<std::size_t>(spec.width());
      for (std::size_t r = 0; r < touched_.rows[table].size(); ++r)
        std::copy_n(d_values_[table].begin() + static_cast<std::ptrdiff_t>(r * width), width,
                    part.begin() + touched_.rows[table][r] * spec.width());
    });
  }

  std::unique_ptr<network> inner_;
  std::vector<parameter_spec> specs_;
  touched_rows touched_;
  std::vector<float> rest_, d_rest_;
  std::vector<std::vector<float>> values_, d_values_;
  std::vector<table_part> parts_;
};

} // namespace

std::unique_ptr<network> with_whole_tables(std::unique_ptr<network> inner) {
  if (table_elements(inner->parameters()) == 0) return inner;
  return std::make_unique<whole_tables>(std::move(inner));
}

} // namespace lagrange::tests
