// Functions of tables: embeddings, sparse rows, positions.
#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"
#include "ops/cuda/table_rows.hpp"
#include "ops/rows.hpp"

#include <algorithm>
#include <bit>
#include <vector>

namespace lagrange::ops::cuda {

namespace {

// Operands: table, rows.
class embedding_operation final : public operation {
public:
  embedding_operation(device_stream& on, const operation_site& at)
      : on_(on), entries_(at.x[0][0]), width_(at.x[0][1]) {}

  void forward(const forward_pass& pass) override {
    const auto ids = pass.x[1].values<const std::int32_t>();
    expect_rows(ids, entries_);
    const typed_operand table(on_, pass.x[0], pass.y.type);
    on_.run(&backend::embedding, {pass.y.type, std::ssize(ids), entries_, width_, on_.bring_up(ids),
                                  table.data(), pass.y.data});
  }
  void backward(const backward_pass& pass) override {
    sum_into_rows(on_,
                  {pass.x[1].values<const std::int32_t>(), width_, pass.d_y.type, pass.d_y.data},
                  pass.d_x[0], room_);
  }

private:
  device_stream& on_;
  std::int64_t entries_, width_;
  segments room_;
};

// Operands: rows, w, b. A product for each sample, of its values and the rows of w that they are
// multiplied with; the gradient of w is that of an embedding.
class sparse_linear_operation final : public operation {
public:
  sparse_linear_operation(device_stream& on, const operation_site& at)
      : on_(on), features_(at.x[1][0]), batch_(at.x[0][0]), length_(at.x[0][1]),
        outputs_(at.x[1][1]), ids_(static_cast<std::size_t>(batch_ * length_)),
        values_(ids_.size()) {}

  void forward(const forward_pass& pass) override {
    read(pass.x[0].values<const std::int32_t>());
    taken_ = ids_; // an absent feature adds nothing of any row
    std::ranges::replace(taken_, -1, 0);
    const scratch_bytes w(on_, taken_.size() * static_cast<std::size_t>(outputs_) * sizeof(float));
    take_rows(on_, pass.x[1], outputs_, taken_, w.floats());
    const typed_operand b(on_, pass.x[2], dtype::f32);
    typed_result y(on_, pass.y, dtype::f32);
    on_.run(&backend::product, product_call{.type = dtype::f32,
                                            .y_type = dtype::f32,
                                            .rows = 1,
                                            .inner = length_,
                                            .columns = outputs_,
                                            .a = {.at = values(), .stride = length_},
                                            .b = {.at = w.data(), .stride = length_ * outputs_},
                                            .y = y.data(),
                                            .y_stride = outputs_,
                                            .batch = batch_});
    on_.run(&backend::add_bias, {activation::identity, dtype::f32, batch_, outputs_, y.data(),
                                 b.floats(), nullptr, y.data()});
    y.store();
  }

  void backward(const backward_pass& pass) override {
    const typed_operand d_y(on_, pass.d_y, dtype::f32);
    if (!pass.d_x[2].empty()) {
      typed_result d_b(on_, pass.d_x[2], dtype::f32);
      on_.run(&backend::sum_rows, {dtype::f32, batch_, outputs_, d_y.data(), d_b.floats()});
      d_b.store();
    }
    if (pass.d_x[1].empty()) return;
    const scratch_bytes d(on_, ids_.size() * static_cast<std::size_t>(outputs_) * sizeof(float));
    on_.run(&backend::product, product_call{.type = dtype::f32,
                                            .y_type = dtype::f32,
                                            .rows = length_,
                                            .inner = 1,
                                            .columns = outputs_,
                                            .a = {.at = values(), .stride = length_},
                                            .b = {.at = d_y.data(), .stride = outputs_},
                                            .y = d.data(),
                                            .y_stride = length_ * outputs_,
                                            .batch = batch_});
    sum_into_rows(on_, {ids_, outputs_, dtype::f32, d.data()}, pass.d_x[1], room_);
  }

private:
  void read(std::span<const std::int32_t> rows) {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      LAGRANGE_EXPECT(rows[2 * i] >= -1 && rows[2 * i] < features_,
                      "feature " + std::to_string(rows[2 * i]) + " of " +
                          std::to_string(features_));
      ids_[i] = rows[2 * i];
      values_[i] = ids_[i] < 0 ? 0 : std::bit_cast<float>(rows[2 * i + 1]);
    }
  }
  const float* values() { return on_.bring_up(std::span<const float>(values_)); }

  device_stream& on_;
  std::int64_t features_, batch_, length_, outputs_;
  std::vector<std::int32_t> ids_, taken_;
  std::vector<float> values_;
  segments room_;
};

// Operands: x, table. A sample is a row, and the positions are a bias of it.
class positions_operation final : public operation {
public:
  positions_operation(device_stream& on, const operation_site& at)
      : on_(on), batch_(at.y[0]), sample_(at.y[1] * at.y[2]) {}

  void forward(const forward_pass& pass) override {
    const typed_operand x(on_, pass.x[0], pass.y.type), table(on_, first(pass.x[1]), dtype::f32);
    on_.run(&backend::add_bias, {activation::identity, pass.y.type, batch_, sample_, x.data(),
                                 table.floats(), nullptr, pass.y.data});
  }
  void backward(const backward_pass& pass) override {
    const auto& d_y = pass.d_y;
    if (!pass.d_x[0].empty()) write_d_x(d_y, pass.d_x[0]);
    if (pass.d_x[1].empty()) return;
    typed_result d_table(on_, first(pass.d_x[1]), dtype::f32);
    on_.clear(pass.d_x[1].data, pass.d_x[1].count * size_bytes(pass.d_x[1].type));
    on_.run(&backend::sum_rows, {d_y.type, batch_, sample_, d_y.data, d_table.floats()});
    d_table.store();
  }

private:
  view first(view table) const {
    table.count = static_cast<std::size_t>(sample_);
    return table;
  }
  void write_d_x(const view& d_y, const view& d_x) {
    if (d_x.type == d_y.type) return on_.copy(d_x.data, d_y.data, d_y.count * size_bytes(d_y.type));
    on_.run(&backend::convert, {d_y.type, d_x.type, count_of(d_y), d_y.data, d_x.data});
  }

  device_stream& on_;
  std::int64_t batch_, sample_;
};

constexpr operation_row rows[] = {
    {"embedding", make_one<embedding_operation>},
    {"sparse_linear", make_one<sparse_linear_operation>},
    {"add_positions", make_one<positions_operation>},
};

} // namespace

std::span<const operation_row> row_operations() { return rows; }

} // namespace lagrange::ops::cuda
