#include "tests/support/cuda_device.hpp"

using namespace lagrange;
using namespace lagrange::tests;
using cuda::phase;

namespace {

struct extents {
  std::int64_t rows, columns;
};

constexpr double epsilon = 1e-3;

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double each : x) sum += each;
  return sum / static_cast<double>(x.size());
}

// A row, or a channel: what lies `step` apart from `first` on.
std::vector<double> taken(const std::vector<double>& x, std::size_t first, std::size_t step,
                          std::size_t count) {
  std::vector<double> found;
  for (std::size_t i = 0; i < count; ++i) found.push_back(x[first + i * step]);
  return found;
}

enum class centre { mean, zero };

// The numbers less their mean, over the root of the variance.
std::vector<double> normalised(std::vector<double> x, centre about) {
  const double middle = about == centre::mean ? mean(x) : 0;
  std::vector<double> squares;
  for (auto& each : x) {
    each -= middle;
    squares.push_back(each * each);
  }
  const double root = std::sqrt(mean(squares) + epsilon);
  for (auto& each : x) each /= root;
  return x;
}

// The slopes of sum(g * normalised(x)) by x, by differences.
std::vector<double> normalised_slopes(const std::vector<double>& x, const std::vector<double>& g,
                                      centre about) {
  constexpr double step = 1e-6;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto above = x, below = x;
    above[i] += step;
    below[i] -= step;
    const auto high = normalised(above, about), low = normalised(below, about);
    double slope = 0;
    for (std::size_t j = 0; j < x.size(); ++j) slope += g[j] * (high[j] - low[j]) / (2 * step);
    slopes.push_back(slope);
  }
  return slopes;
}

std::size_t size(std::int64_t extent) { return static_cast<std::size_t>(extent); }

// What normalising each row gives, and the slopes of all that went in.
struct row_results {
  std::vector<double> y, d_x, d_gamma, d_beta;
};

struct row_inputs {
  extents of;
  std::vector<double> x, gamma, beta, d_y;
};

row_results normalise_rows(const row_inputs& in, centre about) {
  const auto rows = size(in.of.rows), columns = size(in.of.columns);
  row_results found{{}, {}, std::vector<double>(columns), std::vector<double>(columns)};
  for (std::size_t row = 0; row < rows; ++row) {
    const auto x = taken(in.x, row * columns, 1, columns);
    auto g = taken(in.d_y, row * columns, 1, columns);
    const auto plain = normalised(x, about);
    for (std::size_t i = 0; i < columns; ++i) {
      found.y.push_back(plain[i] * in.gamma[i] + (about == centre::mean ? in.beta[i] : 0));
      found.d_gamma[i] += g[i] * plain[i];
      found.d_beta[i] += g[i];
      g[i] *= in.gamma[i];
    }
    const auto slopes = normalised_slopes(x, g, about);
    found.d_x.insert(found.d_x.end(), slopes.begin(), slopes.end());
  }
  return found;
}

} // namespace

TEST_CASE("normalised rows on the device, and their slopes, are the definition", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& of : {extents{1, 1}, {31, 33}, {300, 3}, {2, 257}, {1, 1000}})
      for (const auto about : {centre::mean, centre::zero}) {
        CAPTURE(of.rows, of.columns, sizeof(T), about == centre::mean);
        const auto count = of.rows * of.columns;
        const auto x = drawn<T>(count, 1, 3), d_y = drawn<T>(count, 2);
        const auto gamma = drawn(of.columns, 3, 2), beta = drawn(of.columns, 4);
        const auto wanted =
            normalise_rows({of, widened(x), widened(gamma), widened(beta), widened(d_y)}, about);
        device_array<T> on_x(on, x), on_y(on, count), on_d(on, d_y);
        device_array<float> on_gamma(on, gamma), on_beta(on, beta), on_mean(on, of.rows),
            on_scale(on, of.rows), d_gamma(on, of.columns), d_beta(on, of.columns);
        const bool has_mean = about == centre::mean;
        const cuda::row_norm_shape shape{of.rows, of.columns, static_cast<float>(epsilon)};
        float* const kept_mean = has_mean ? on_mean.data() : nullptr;
        check(on.table.row_norm(on.stream, {type_of<T>(),
                                            shape,
                                            on_x.data(),
                                            {on_gamma.data(), has_mean ? on_beta.data() : nullptr},
                                            kept_mean,
                                            on_scale.data(),
                                            on_y.data()}));
        CHECK(distance(on_y.values(), wanted.y) < near<T>());
        check(on.table.row_norm_slopes(on.stream,
                                       {type_of<T>(), shape, on_x.data(), on_gamma.data(),
                                        kept_mean, on_scale.data(), on_d.data(), on_d.data(),
                                        d_gamma.data(), has_mean ? d_beta.data() : nullptr}));
        CHECK(distance(on_d.values(), wanted.d_x) < 2 * near<T>());
        CHECK(distance(d_gamma.values(), wanted.d_gamma) < 1e-5);
        if (has_mean) CHECK(distance(d_beta.values(), wanted.d_beta) < 1e-5);
      }
  });
}

TEST_CASE("normalised channels on the device, and their slopes, are the definition",
          "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& of : {extents{2, 1}, {33, 31}, {3, 257}, {300, 5}}) {
      CAPTURE(of.rows, of.columns, sizeof(T));
      const auto rows = size(of.rows), channels = size(of.columns);
      const auto count = of.rows * of.columns;
      const auto x = drawn<T>(count, 1, 3), d_y = drawn<T>(count, 2);
      const auto gamma = drawn(of.columns, 3, 2), beta = drawn(of.columns, 4);
      const auto old_mean = drawn(of.columns, 5), old_variance = drawn(of.columns, 6);
      const auto wide = widened(x), slopes = widened(d_y);
      std::vector<double> y(size(count)), d_x(size(count)), d_gamma, d_beta, means, variances;
      for (std::size_t c = 0; c < channels; ++c) {
        const auto all = taken(wide, c, channels, rows);
        auto g = taken(slopes, c, channels, rows);
        const auto plain = normalised(all, centre::mean);
        d_gamma.push_back(0);
        d_beta.push_back(0);
        double squares = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          y[i * channels + c] = plain[i] * gamma[c] + beta[c];
          d_gamma[c] += g[i] * plain[i];
          d_beta[c] += g[i];
          g[i] *= gamma[c];
          squares += (all[i] - mean(all)) * (all[i] - mean(all));
        }
        const auto by_x = normalised_slopes(all, g, centre::mean);
        for (std::size_t i = 0; i < rows; ++i) d_x[i * channels + c] = by_x[i];
        means.push_back(0.9 * old_mean[c] + 0.1 * mean(all));
        variances.push_back(0.9 * old_variance[c] + 0.1 * squares / static_cast<double>(rows - 1));
      }
      device_array<T> on_x(on, x), on_y(on, count), on_d(on, d_y);
      device_array<float> on_gamma(on, gamma), on_beta(on, beta), running_mean(on, old_mean),
          running_variance(on, old_variance), on_mean(on, of.columns), on_scale(on, of.columns),
          on_d_gamma(on, of.columns), on_d_beta(on, of.columns);
      check(on.table.batch_norm(on.stream,
                                {phase::training, type_of<T>(), of.rows, of.columns,
                                 static_cast<float>(epsilon), 0.1F, on_x.data(), on_gamma.data(),
                                 on_beta.data(), running_mean.data(), running_variance.data(),
                                 on_mean.data(), on_scale.data(), on_y.data()}));
      CHECK(distance(on_y.values(), y) < near<T>());
      CHECK(distance(running_mean.values(), means) < 1e-5);
      CHECK(distance(running_variance.values(), variances) < 1e-5);
      check(on.table.batch_norm_slopes(on.stream, {type_of<T>(), of.rows, of.columns, on_x.data(),
                                                   on_gamma.data(), on_mean.data(), on_scale.data(),
                                                   on_d.data(), on_d.data(), on_d_gamma.data(),
                                                   on_d_beta.data()}));
      CHECK(distance(on_d.values(), d_x) < 2 * near<T>());
      CHECK(distance(on_d_gamma.values(), d_gamma) < 1e-5);
      CHECK(distance(on_d_beta.values(), d_beta) < 1e-5);
    }
  });
}

TEST_CASE("evaluation on the device normalises by the running statistics, and leaves them",
          "[ops][cuda]") {
  gpu on;
  const std::vector<float> mean_of{1, -1}, variance_of{4, 0.25F}, x{3, 0, 1, -2}, gamma{1, 2};
  device_array<float> on_x(on, x), on_gamma(on, gamma), on_beta(on, std::vector<float>{0, 10}),
      running_mean(on, mean_of), running_variance(on, variance_of), on_mean(on, 2), on_scale(on, 2);
  check(on.table.batch_norm(on.stream, {phase::evaluation, ops::dtype::f32, 2, 2, 0, 0.1F,
                                        on_x.data(), on_gamma.data(), on_beta.data(),
                                        running_mean.data(), running_variance.data(),
                                        on_mean.data(), on_scale.data(), on_x.data()}));
  CHECK(on_x.values() == std::vector<float>{1, 14, 0, 6});
  CHECK(running_mean.values() == mean_of);
  CHECK(running_variance.values() == variance_of);
}
