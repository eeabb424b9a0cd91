#include "tests/support/cuda_device.hpp"

#include <algorithm>
#include <array>

using namespace lagrange;
using namespace lagrange::tests;
using cuda::mask;

namespace {

struct extents {
  std::int64_t rows, columns;
};

constexpr extents shapes[] = {{1, 1}, {1, 31}, {33, 1}, {2, 257}, {257, 33}, {7, 1000}, {3, 4099}};

std::size_t at(std::int64_t row, std::int64_t columns, std::int64_t column) {
  return static_cast<std::size_t>(row * columns + column);
}

// The softmax of one row's first `seen` columns, 0 in the others.
void soften(const std::vector<double>& x, std::size_t first, std::int64_t seen,
            std::vector<double>& y) {
  double sum = 0;
  for (std::int64_t i = 0; i < seen; ++i) sum += std::exp(x[first + static_cast<std::size_t>(i)]);
  for (std::int64_t i = 0; i < seen; ++i) {
    const auto here = first + static_cast<std::size_t>(i);
    y[here] = std::exp(x[here]) / sum;
  }
}

std::vector<double> softened(std::vector<double> x, extents of, double scale, mask hidden) {
  std::vector<double> y(x.size());
  for (auto& each : x) each *= scale;
  for (std::int64_t row = 0; row < of.rows; ++row)
    soften(x, at(row, of.columns, 0), hidden == mask::causal ? row % of.columns + 1 : of.columns,
           y);
  return y;
}

// The loss and its slopes, from its definition: the target has 1 - smoothing and an even share.
struct loss_and_slopes {
  double loss = 0;
  std::vector<double> slopes;
};

loss_and_slopes cross_entropy(const std::vector<double>& x, const std::vector<std::int32_t>& labels,
                              std::int64_t classes, double smoothing) {
  const auto rows = static_cast<std::int64_t>(labels.size());
  const auto p = softened(x, {rows, classes}, 1, mask::none);
  loss_and_slopes found{0, p};
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t k = 0; k < classes; ++k) {
      const bool is_label = k == labels[static_cast<std::size_t>(row)];
      const double target =
          smoothing / static_cast<double>(classes) + (is_label ? 1 - smoothing : 0);
      found.loss -= target == 0 ? 0 : target * std::log(p[at(row, classes, k)]);
      found.slopes[at(row, classes, k)] -= target;
    }
  return found;
}

void multiply(std::vector<double>& all, double factor) {
  for (auto& each : all) each *= factor;
}

} // namespace

TEST_CASE("the sum of rows on the device is that of each column", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& [rows, columns] :
         {extents{1, 1}, {33, 1}, {1000, 31}, {20'000, 3}, {5, 257}}) {
      CAPTURE(rows, columns, sizeof(T));
      const auto x = drawn<T>(rows * columns, 1);
      std::vector<double> wanted(static_cast<std::size_t>(columns));
      for (std::size_t i = 0; i < x.size(); ++i) wanted[i % wanted.size()] += cuda::to_float(x[i]);
      device_array<T> on_x(on, x);
      device_array<float> on_sums(on, columns), again(on, columns);
      check(
          on.table.sum_rows(on.stream, {type_of<T>(), rows, columns, on_x.data(), on_sums.data()}));
      CHECK(distance(on_sums.values(), wanted) < 1e-5);
      check(on.table.sum_rows(on.stream, {type_of<T>(), rows, columns, on_x.data(), again.data()}));
      CHECK(is_same(on_sums.values(), again.values()));
    }
  });
}

TEST_CASE("the sum of squares on the device is that of all elements", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const std::int64_t count : {1, 31, 33, 257, 1000, 300'000}) {
      if (count > 1000 && !std::is_same_v<T, cuda::bf16>) continue; // more than a grid has threads
      CAPTURE(count, sizeof(T));
      const auto x = drawn<T>(count, 1);
      double wanted = 0;
      for (const double each : widened(x)) wanted += each * each;
      device_array<T> on_x(on, x);
      device_array<float> on_sum(on, 1), again(on, 1);
      check(on.table.sum_squares(on.stream, {type_of<T>(), count, on_x.data(), on_sum.data()}));
      CHECK(distance(on_sum.values(), {wanted}) < 1e-6);
      check(on.table.sum_squares(on.stream, {type_of<T>(), count, on_x.data(), again.data()}));
      CHECK(is_same(on_sum.values(), again.values()));
    }
  });
}

TEST_CASE("softmax on the device is softmax of what the mask shows", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& of : shapes)
      for (const auto hidden : {mask::none, mask::causal}) {
        CAPTURE(of.rows, of.columns, sizeof(T), hidden == mask::causal);
        const auto x = drawn<T>(of.rows * of.columns, 1, 8);
        const auto wanted = softened(widened(x), of, 0.5, hidden);
        device_array<T> on_x(on, x), on_y(on, of.rows * of.columns);
        check(on.table.softmax(on.stream, {type_of<T>(), of.rows, of.columns, 0.5F, hidden,
                                           on_x.data(), on_y.data()}));
        CHECK(distance(on_y.values(), wanted) < near<T>());
        check(on.table.softmax(on.stream, {type_of<T>(), of.rows, of.columns, 0.5F, hidden,
                                           on_x.data(), on_x.data()}));
        CHECK(is_same(on_x.values(), on_y.values()));
      }
  });
}

TEST_CASE("softmax on the device does not overflow", "[ops][cuda]") {
  gpu on;
  device_array<float> on_x(on, std::vector<float>{1e4F, -1e4F, 1e4F, -3e38F});
  check(on.table.softmax(on.stream,
                         {ops::dtype::f32, 1, 4, 1, mask::none, on_x.data(), on_x.data()}));
  CHECK(on_x.values() == std::vector<float>{0.5F, 0, 0.5F, 0});
}

TEST_CASE("the slopes of softmax on the device are its Jacobian times d_y", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& of : shapes)
      for (const auto hidden : {mask::none, mask::causal}) {
        CAPTURE(of.rows, of.columns, sizeof(T), hidden == mask::causal);
        std::vector<T> y;
        for (const double each :
             softened(widened(drawn(of.rows * of.columns, 1, 3)), of, 0.5, hidden))
          y.push_back(cuda::rounded<T>(static_cast<float>(each)));
        const auto p = widened(y), d_y = widened(drawn<T>(of.rows * of.columns, 2));
        std::vector<double> wanted(p.size());
        for (std::int64_t row = 0; row < of.rows; ++row) {
          double mean = 0;
          for (std::int64_t i = 0; i < of.columns; ++i)
            mean += p[at(row, of.columns, i)] * d_y[at(row, of.columns, i)];
          for (std::int64_t i = 0; i < of.columns; ++i) {
            const auto here = at(row, of.columns, i);
            wanted[here] = 0.5 * p[here] * (d_y[here] - mean);
          }
        }
        device_array<T> on_y(on, y), on_d(on, drawn<T>(of.rows * of.columns, 2));
        check(on.table.softmax_slopes(on.stream, {type_of<T>(), of.rows, of.columns, 0.5F, hidden,
                                                  on_y.data(), on_d.data(), on_d.data()}));
        CHECK(distance(on_d.values(), wanted) < near<T>());
      }
  });
}

TEST_CASE("cross-entropy on the device is that of softmax with smoothed labels", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& of : shapes)
      for (const double smoothing : {0.0, 0.1}) {
        CAPTURE(of.rows, of.columns, sizeof(T), smoothing);
        const auto x = drawn<T>(of.rows * of.columns, 1, 5);
        const auto wide = widened(x);
        std::vector<std::int32_t> labels;
        double correct = 0;
        for (std::int64_t row = 0; row < of.rows; ++row) {
          labels.push_back(static_cast<std::int32_t>(row * 7 % of.columns));
          const auto first = wide.begin() + row * of.columns;
          correct += std::max_element(first, first + of.columns) - first == labels.back() ? 1 : 0;
        }
        auto wanted = cross_entropy(wide, labels, of.columns, smoothing);
        const double factor = 1 / static_cast<double>(of.rows);
        multiply(wanted.slopes, factor);
        device_array<T> on_x(on, x), on_d(on, of.rows * of.columns);
        device_array<std::int32_t> on_labels(on, labels);
        device_array<float> on_loss(on, 1), on_correct(on, 1);
        const auto run = [&](float* counted, T* slopes) {
          check(on.table.cross_entropy(
              on.stream, {type_of<T>(), of.rows, of.columns, static_cast<float>(smoothing),
                          static_cast<float>(factor), on_x.data(), on_labels.data(), on_loss.data(),
                          counted, slopes}));
        };
        run(on_correct.data(), nullptr);
        CHECK(distance(on_loss.values(), {wanted.loss * factor}) < 1e-5);
        CHECK(on_correct.values()[0] == static_cast<float>(correct));
        run(nullptr, on_d.data());
        CHECK(distance(on_d.values(), wanted.slopes) < near<T>());
        run(nullptr, on_x.data());
        CHECK(is_same(on_x.values(), on_d.values()));
      }
  });
}

TEST_CASE("a label that is no class is seen in the loss, and in its row alone", "[ops][cuda]") {
  gpu on;
  device_array<float> on_x(on, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  device_array<std::int32_t> on_labels(on, std::vector<std::int32_t>{0, 3, -1});
  device_array<float> on_loss(on, 1);
  check(
      on.table.cross_entropy(on.stream, {ops::dtype::f32, 3, 3, 0, 1, on_x.data(), on_labels.data(),
                                         on_loss.data(), nullptr, on_x.data()}));
  CHECK(std::isnan(on_loss.values()[0]));
  const auto slopes = on_x.values();
  for (std::size_t i = 0; i < 9; ++i) CHECK(std::isnan(slopes[i]) == (i >= 3));
}

TEST_CASE("losses of elements on the device are their definitions", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const std::int64_t count : {1, 31, 33, 257, 1000}) {
      CAPTURE(count, sizeof(T));
      const auto x = drawn<T>(count, 1, 9);
      const auto wide = widened(x);
      auto target = drawn(count, 2);
      for (auto& each : target) each = (each + 1) / 2;
      double entropy = 0, squares = 0;
      std::vector<double> d_entropy, d_squares;
      for (std::size_t i = 0; i < target.size(); ++i) {
        const double p = 1 / (1 + std::exp(-wide[i])), t = target[i];
        entropy -= t * std::log(p) + (1 - t) * std::log(1 - p);
        squares += (wide[i] - t) * (wide[i] - t);
        d_entropy.push_back(0.25 * (p - t));
        d_squares.push_back(0.25 * 2 * (wide[i] - t));
      }
      device_array<T> on_x(on, x), on_d(on, count);
      device_array<float> on_target(on, target), on_loss(on, 1);
      const cuda::pointwise_loss_call call{
          type_of<T>(), count, 0.25F, on_x.data(), on_target.data(), on_loss.data(), on_d.data()};
      check(on.table.binary_cross_entropy(on.stream, call));
      CHECK(distance(on_loss.values(), {0.25 * entropy}) < 1e-5);
      CHECK(distance(on_d.values(), d_entropy) < near<T>());
      check(on.table.squared_error(on.stream, call));
      CHECK(distance(on_loss.values(), {0.25 * squares}) < 1e-5);
      CHECK(distance(on_d.values(), d_squares) < near<T>());
      auto without = call;
      without.d_x = nullptr;
      check(on.table.squared_error(on.stream, without));
      CHECK(distance(on_loss.values(), {0.25 * squares}) < 1e-5);
    }
  });
}

TEST_CASE("sums of nothing are refused", "[ops][cuda]") {
  gpu on;
  CHECK(on.table.sum_rows(on.stream, {ops::dtype::f32, 0, 1, nullptr, nullptr}) != nullptr);
  CHECK(on.table.sum_squares(on.stream, {ops::dtype::f32, 0, nullptr, nullptr}) != nullptr);
}
