// The loss of pairs that are held against others. It needs no kernel of its own: scores are
// products of gathered rows, and both losses are binary cross-entropies, of the scores or of their
// differences.
#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"
#include "ops/cuda/table_rows.hpp"
#include "ops/pair_scores.hpp"
#include "ops/rows.hpp"

#include <vector>

namespace lagrange::ops::cuda {

namespace {

/// y [B, rows, columns] = a [B, rows, inner] b [B, inner, columns], all f32, for each of a batch;
/// a `shared` b is [inner, columns].
struct batch_product {
  std::int64_t batch, rows, inner, columns;
};
struct factor {
  const float* at;
  lies how = lies::plain;
  bool is_shared = false;
};

void multiply(device_stream& on, const batch_product& of, const factor& a, const factor& b,
              float* y) {
  on.run(&backend::product,
         product_call{
             .type = dtype::f32,
             .y_type = dtype::f32,
             .rows = of.rows,
             .inner = of.inner,
             .columns = of.columns,
             .a = {.at = a.at, .how = a.how, .stride = of.rows * of.inner},
             .b = {.at = b.at, .how = b.how, .stride = b.is_shared ? 0 : of.inner * of.columns},
             .y = y,
             .y_stride = of.rows * of.columns,
             .batch = of.batch});
}

// Operands: rows, a, b, and a_bias, b_bias if there are any. Each row of a batch of B names one row
// of a, and n of b.
class sampled_negatives_operation final : public operation {
public:
  sampled_negatives_operation(device_stream& on, const operation_site& at)
      : on_(on), kind_(static_cast<pair_loss>(number(at, 1))), batch_(at.x[0][0]),
        n_(at.x[0][1] > 2 ? at.x[0][1] - 1 : 1 + number(at, 0)),
        width_(at.x[1][1]), table_rows_{at.x[1][0], at.x[2][0]},
        is_drawn_(at.x[0][1] == 2 && n_ > 1), drawn_(static_cast<std::size_t>(batch_ * (n_ + 1))),
        ids_a_(static_cast<std::size_t>(batch_)), ids_b_(static_cast<std::size_t>(batch_ * n_)),
        repeated_a_(ids_b_.size()), rows_a_(floats(batch_ * width_)),
        rows_b_(floats(batch_ * n_ * width_)), d_scores_(floats(batch_ * n_)) {
    if (kind_ == pair_loss::pairwise) make_differences();
  }

  void forward(const forward_pass& pass) override {
    read(pass.x[0].values<const std::int32_t>(), pass.key);
    take_rows(on_, pass.x[1], width_, ids_a_, at(rows_a_));
    take_rows(on_, pass.x[2], width_, ids_b_, at(rows_b_));
    const scratch_bytes scores(on_, ids_b_.size() * sizeof(float));
    multiply(on_, {batch_, 1, width_, n_}, {at(rows_a_)}, {at(rows_b_), lies::transposed},
             scores.floats());
    if (pass.x.size() == 5) {
      add_bias(pass.x[3], repeated_a_, scores.floats());
      add_bias(pass.x[4], ids_b_, scores.floats());
    }
    take_loss(scores.floats(), static_cast<float*>(pass.y.data));
  }

  void backward(const backward_pass& pass) override {
    const scratch_bytes d(on_, ids_b_.size() * sizeof(float));
    scale_by(on_, at(d_scores_), batch_ * n_, pass.d_y, d.floats());
    if (!pass.d_x[1].empty()) {
      const scratch_bytes d_a(on_, static_cast<std::size_t>(batch_ * width_) * sizeof(float));
      multiply(on_, {batch_, 1, n_, width_}, {d.floats()}, {at(rows_b_)}, d_a.floats());
      sum_into_rows(on_, {ids_a_, width_, dtype::f32, d_a.data()}, pass.d_x[1], room_);
    }
    if (!pass.d_x[2].empty()) {
      const scratch_bytes d_b(on_,
                              ids_b_.size() * static_cast<std::size_t>(width_) * sizeof(float));
      multiply(on_, {batch_, n_, 1, width_}, {d.floats()}, {at(rows_a_)}, d_b.floats());
      sum_into_rows(on_, {ids_b_, width_, dtype::f32, d_b.data()}, pass.d_x[2], room_);
    }
    if (pass.x.size() < 5) return;
    sum_into_rows(on_, {repeated_a_, 1, dtype::f32, d.data()}, pass.d_x[3], room_);
    sum_into_rows(on_, {ids_b_, 1, dtype::f32, d.data()}, pass.d_x[4], room_);
  }

private:
  static float* at(tensor& memory) { return reinterpret_cast<float*>(memory.bytes()); }
  tensor floats(std::int64_t count) {
    return on_.memory(static_cast<std::size_t>(count) * sizeof(float));
  }

  /// [n, n - 1], which takes each of a row's others from the first of it.
  void make_differences() {
    differences_.resize(static_cast<std::size_t>(n_ * (n_ - 1)));
    for (std::int64_t k = 0; k < n_ - 1; ++k) {
      differences_[static_cast<std::size_t>(k)] = 1;
      differences_[static_cast<std::size_t>((k + 1) * (n_ - 1) + k)] = -1;
    }
  }

  void read(std::span<const std::int32_t> given, std::uint64_t key) {
    auto rows = given;
    if (is_drawn_) {
      draw_negatives(given, table_rows_[1], key, drawn_);
      rows = drawn_;
    }
    const auto n = static_cast<std::size_t>(n_);
    for (std::size_t i = 0; i < ids_b_.size(); ++i) {
      const auto row = rows.subspan(i / n * (n + 1), n + 1);
      ids_a_[i / n] = repeated_a_[i] = row[0];
      ids_b_[i] = row[1 + i % n];
    }
    expect_rows(ids_a_, table_rows_[0]);
    expect_rows(ids_b_, table_rows_[1]);
  }

  void add_bias(const view& bias, std::span<const std::int32_t> ids, float* scores) {
    const scratch_bytes taken(on_, ids.size() * sizeof(float));
    take_rows(on_, bias, 1, ids, taken.floats());
    on_.run(&backend::add, {dtype::f32, std::ssize(ids), scores, taken.data(), scores});
  }

  void take_loss(const float* scores, float* loss) {
    if (kind_ == pair_loss::logistic) {
      targets_.assign(ids_b_.size(), 0);
      for (std::size_t i = 0; i < targets_.size(); i += static_cast<std::size_t>(n_))
        targets_[i] = 1;
      return write_loss(scores, loss, at(d_scores_));
    }
    if (n_ == 1) { // nothing is held against it
      on_.clear(loss, sizeof(float));
      return on_.clear(at(d_scores_), ids_b_.size() * sizeof(float));
    }
    targets_.assign(static_cast<std::size_t>(batch_ * (n_ - 1)), 1);
    const scratch_bytes ahead(on_, targets_.size() * sizeof(float));
    const auto* apart = on_.bring_up(std::span<const float>(differences_));
    multiply(on_, {batch_, 1, n_, n_ - 1}, {scores}, {apart, lies::plain, true}, ahead.floats());
    write_loss(ahead.floats(), loss, ahead.floats());
    multiply(on_, {batch_, 1, n_ - 1, n_}, {ahead.floats()}, {apart, lies::transposed, true},
             at(d_scores_));
  }

  void write_loss(const float* x, float* loss, float* d_x) {
    on_.run(&backend::binary_cross_entropy,
            pointwise_loss_call{dtype::f32, std::ssize(targets_), 1 / static_cast<float>(batch_), x,
                                on_.bring_up(std::span<const float>(targets_)), loss, d_x});
  }

  device_stream& on_;
  pair_loss kind_;
  std::int64_t batch_, n_, width_;
  std::array<std::int64_t, 2> table_rows_;
  bool is_drawn_;
  std::vector<std::int32_t> drawn_, ids_a_, ids_b_, repeated_a_;
  tensor rows_a_, rows_b_, d_scores_;
  std::vector<float> targets_, differences_;
  segments room_;
};

constexpr operation_row rows[] = {
    {"sampled_negatives_loss", make_one<sampled_negatives_operation>},
};

} // namespace

std::span<const operation_row> pair_operations() { return rows; }

} // namespace lagrange::ops::cuda
