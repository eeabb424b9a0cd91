#include "ops/elementwise.hpp"
#include "ops/functions.hpp"
#include "ops/rows.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

// Operands: table, rows.
class embedding_operation final : public operation {
public:
  explicit embedding_operation(const operation_site& at) : table_rows_(at.x[0][0]) {}

  void forward(const forward_pass& pass) override {
    const auto rows = pass.x[1].values<const std::int32_t>();
    expect_rows(rows, table_rows_);
    gather_rows(pass.x[0].in(), rows, pass.y.out());
  }
  void backward(const backward_pass& pass) override {
    std::ranges::fill(pass.d_x[0].out(), 0.0F);
    scatter_rows(pass.d_y.in(), pass.x[1].values<const std::int32_t>(), pass.d_x[0].out());
  }

private:
  std::int64_t table_rows_;
};

// Operands: x, table.
class positions_operation final : public operation {
public:
  explicit positions_operation(const operation_site& at)
      : sample_(static_cast<std::size_t>(at.y[1] * at.y[2])) {}

  void forward(const forward_pass& pass) override {
    const auto x = pass.x[0].in();
    const auto sample = pass.x[1].in().first(sample_);
    std::ranges::copy(x, pass.y.out().begin());
    for (std::size_t first = 0; first < x.size(); first += sample.size())
      add_to(sample, pass.y.out().subspan(first, sample.size()));
  }
  void backward(const backward_pass& pass) override {
    if (!pass.d_x[0].empty()) std::ranges::copy(pass.d_y.in(), pass.d_x[0].out().begin());
    if (pass.d_x[1].empty()) return;
    const auto d_table = pass.d_x[1].out();
    sum_rows(pass.d_y.in(), d_table.first(sample_));
    std::ranges::fill(d_table.subspan(sample_), 0.0F);
  }

private:
  std::size_t sample_; ///< elements
};

} // namespace

variable embedding(const variable& table, const variable& rows) {
  const auto& from = table.extents();
  const auto& by = rows.extents();
  LAGRANGE_EXPECT(from.rank() == 2 && from.elements() > 0 && by.elements() > 0 &&
                      by.rank() < shape::rank_max,
                  "rows " + to_string(by) + " of a table " + to_string(from));
  std::array<std::int64_t, shape::rank_max> extents{};
  std::ranges::copy(by.extents(), extents.begin());
  extents[by.rank()] = from[1];
  return table.on().record({"embedding"}, {table, rows},
                           shape(std::span(extents).first(by.rank() + 1)),
                           [](const operation_site& at) {
                             return std::unique_ptr<operation>(new embedding_operation(at));
                           });
}

variable add_positions(const variable& x, const variable& table) {
  const auto& to = x.extents();
  const auto& from = table.extents();
  LAGRANGE_EXPECT(to.rank() == 3 && from.rank() == 2 && to.elements() > 0 && to[1] <= from[0] &&
                      to[2] == from[1],
                  "positions " + to_string(from) + " for " + to_string(to));
  return x.on().record({"add_positions"}, {x, table}, to, [](const operation_site& at) {
    return std::unique_ptr<operation>(new positions_operation(at));
  });
}

} // namespace lagrange::ops
