#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <vector>

namespace lagrange::ops {

namespace {

struct gradient_rows {
  const float *a, *b;
  const std::int32_t* rows;
  std::size_t count, length, width;
  const float* d_scores; ///< [count, length - 1]
};

// What the rows of `a` get, of `b`, and their biases: any that is null is not wanted.
inline void gradient_loop(const gradient_rows& at, float* d_a, float* d_b) {
  const std::int32_t* row = at.rows;
  const float* d = at.d_scores;
  for (std::size_t i = 0; i < at.count; ++i, row += at.length) {
    const auto u = static_cast<std::size_t>(row[0]) * at.width;
    for (std::size_t j = 1; j < at.length; ++j, ++d) {
      const auto v = static_cast<std::size_t>(row[j]) * at.width;
      if (d_a != nullptr)
        for (std::size_t k = 0; k < at.width; ++k) d_a[u + k] += *d * at.b[v + k];
      if (d_b != nullptr)
        for (std::size_t k = 0; k < at.width; ++k) d_b[v + k] += *d * at.a[u + k];
    }
  }
}

inline void bias_loop(const gradient_rows& at, float* d_a, float* d_b) {
  const std::int32_t* row = at.rows;
  const float* d = at.d_scores;
  for (std::size_t i = 0; i < at.count; ++i, row += at.length)
    for (std::size_t j = 1; j < at.length; ++j, ++d) {
      if (d_a != nullptr) d_a[row[0]] += *d;
      if (d_b != nullptr) d_b[row[j]] += *d;
    }
}

// Operands: rows, a, b, and a_bias, b_bias if there are any.
class sampled_negatives_operation final : public operation {
public:
  explicit sampled_negatives_operation(const operation_site& at)
      : kind_(static_cast<pair_loss>(static_cast<int>(at.key.numbers[1]))), batch_(at.x[0][0]),
        length_(at.x[0][1] > 2 ? at.x[0][1] : 2 + static_cast<std::int64_t>(at.key.numbers[0])),
        width_(at.x[1][1]), table_rows_(at.x[2][0]), is_drawn_(at.x[0][1] == 2 && length_ > 2),
        d_scores_(static_cast<std::size_t>(batch_ * (length_ - 1))), scores_(d_scores_.size()) {
    if (is_drawn_) drawn_.resize(static_cast<std::size_t>(batch_ * length_));
  }

  void forward(const forward_pass& pass) override {
    const auto given = pass.x[0].values<const std::int32_t>();
    if (is_drawn_) draw_negatives(given, table_rows_, pass.key, drawn_);
    const bool has_bias = pass.x.size() == 5;
    const pair_tables tables{pass.x[1].in(), pass.x[2].in(), has_bias ? pass.x[3].in() : none(),
                             has_bias ? pass.x[4].in() : none(), width_};
    const auto rows = is_drawn_ ? std::span<const std::int32_t>(drawn_) : given;
    expect_pairs(tables, rows, length_);
    score_pairs(tables, rows, length_, scores_);
    const auto sum = pair_losses(kind_, length_ - 1, scores_, d_scores_);
    pass.y.out()[0] = static_cast<float>(sum / static_cast<double>(batch_));
  }

  void backward(const backward_pass& pass) override {
    const float factor = pass.d_y.in()[0] / static_cast<float>(batch_);
    for (float& each : d_scores_) each *= factor;
    const auto given = pass.x[0].values<const std::int32_t>();
    const gradient_rows at{pass.x[1].in().data(),
                           pass.x[2].in().data(),
                           is_drawn_ ? drawn_.data() : given.data(),
                           static_cast<std::size_t>(batch_),
                           static_cast<std::size_t>(length_),
                           static_cast<std::size_t>(width_),
                           d_scores_.data()};
    for (const auto& each : pass.d_x.subspan(1))
      if (!each.empty()) std::ranges::fill(each.out(), 0.0F);
    const auto wanted = [&](std::size_t i) { return pass.d_x[i].out().data(); };
    vectorised<&gradient_loop>(at, wanted(1), wanted(2));
    if (pass.x.size() == 5) bias_loop(at, wanted(3), wanted(4));
  }

private:
  static std::span<const float> none() { return {}; }

  pair_loss kind_;
  std::int64_t batch_, length_, width_, table_rows_; ///< length: of a row, with what is drawn
  bool is_drawn_;
  std::vector<float> d_scores_, scores_;
  std::vector<std::int32_t> drawn_;
};

operation_key key_of(const negatives_options& options) {
  return {"sampled_negatives_loss",
          {static_cast<double>(options.count), static_cast<double>(options.loss)}};
}

std::unique_ptr<operation> make(const operation_site& at) {
  return std::make_unique<sampled_negatives_operation>(at);
}

void check(const variable& rows, const variable& a, const variable& b,
           const negatives_options& options) {
  const auto &of_rows = rows.extents(), &of_a = a.extents(), &of_b = b.extents();
  LAGRANGE_EXPECT(of_rows.rank() == 2 && of_rows[0] > 0 && of_rows[1] >= 2 && of_a.rank() == 2 &&
                      of_b.rank() == 2 && of_a[1] == of_b[1] && of_a[1] > 0 && options.count >= 0,
                  "pairs " + to_string(of_rows) + " of tables " + to_string(of_a) + " and " +
                      to_string(of_b));
}

} // namespace

variable sampled_negatives_loss(const variable& rows, const variable& a, const variable& b,
                                const negatives_options& options) {
  check(rows, a, b, options);
  return a.on().record(key_of(options), {rows, a, b}, shape{}, &make);
}

variable sampled_negatives_loss(const variable& rows, const biased_table& a, const biased_table& b,
                                const negatives_options& options) {
  check(rows, a.rows, b.rows, options);
  LAGRANGE_EXPECT(a.bias.elements() == a.rows.extents()[0] &&
                      b.bias.elements() == b.rows.extents()[0],
                  "biases " + to_string(a.bias.extents()) + " and " + to_string(b.bias.extents()));
  return a.rows.on().record(key_of(options), {rows, a.rows, b.rows, a.bias, b.bias}, shape{},
                            &make);
}

} // namespace lagrange::ops
