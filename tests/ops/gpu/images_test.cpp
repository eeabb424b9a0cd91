#include "tests/support/cuda_device.hpp"

#include <limits>

using namespace lagrange;
using namespace lagrange::tests;
using cuda::activation;
using cuda::pooling;
using cuda::window_shape;

namespace {

constexpr window_shape windows[] = {{1, 1, 1, 1, 1, 1, 0},  {2, 5, 7, 3, 2, 2, 0},
                                    {1, 6, 4, 33, 3, 1, 1}, {3, 9, 9, 1, 3, 2, 1},
                                    {1, 7, 5, 5, 4, 3, 2},  {2, 4, 4, 257, 2, 1, 0}};

// An image batch in double precision; outside of it there is nothing.
struct images {
  window_shape at;
  std::vector<double> values;

  static bool is_inside(int i, int extent) { return i >= 0 && i < extent; }
  bool has(int row, int column) const {
    return is_inside(row, at.height) && is_inside(column, at.width);
  }
  std::size_t index(int image, int row, int column, int channel) const {
    return static_cast<std::size_t>(((image * at.height + row) * at.width + column) * at.channels +
                                    channel);
  }
};

// visit(place of the window in the output, image, window row, window column, channel).
template <class Visit>
void for_each_window(const window_shape& at, Visit visit) {
  std::size_t place = 0;
  for (int image = 0; image < at.batch; ++image)
    for (int row = 0; row < at.out_height(); ++row)
      for (int column = 0; column < at.out_width(); ++column)
        for (int channel = 0; channel < at.channels; ++channel)
          visit(place++, image, row, column, channel);
}

// visit(row, column) of every pixel of a window that lies in the image.
template <class Visit>
void for_each_pixel(const images& of, int row, int column, Visit visit) {
  for (int i = 0; i < of.at.kernel * of.at.kernel; ++i) {
    const int r = row * of.at.stride - of.at.padding + i / of.at.kernel;
    const int c = column * of.at.stride - of.at.padding + i % of.at.kernel;
    if (of.has(r, c)) visit(r, c);
  }
}

struct pooled {
  std::vector<double> y, d_x;
  std::vector<std::int32_t> chosen;
};

pooled pool(pooling how, const images& x, const std::vector<double>& d_y) {
  pooled found{{}, std::vector<double>(x.values.size()), {}};
  for_each_window(x.at, [&](std::size_t place, int image, int row, int column, int channel) {
    double best = -std::numeric_limits<double>::infinity(), sum = 0, count = 0;
    int chosen = 0;
    for_each_pixel(x, row, column, [&](int r, int c) {
      const double value = x.values[x.index(image, r, c, channel)];
      sum += value;
      ++count;
      if (value <= best) return;
      best = value;
      chosen = r * x.at.width + c;
    });
    found.y.push_back(how == pooling::largest ? best : sum / count);
    found.chosen.push_back(chosen);
    for_each_pixel(x, row, column, [&](int r, int c) {
      const double share = how == pooling::average        ? 1 / count
                           : r * x.at.width + c == chosen ? 1
                                                          : 0;
      found.d_x[x.index(image, r, c, channel)] += share * d_y[place];
    });
  });
  return found;
}

// A convolution by its definition, and its gradients.
struct convolved {
  std::vector<double> y, d_x, d_w, d_bias;
};

struct filters {
  int groups, outputs;
  std::vector<double> w, bias;
};

convolved convolve(const images& x, const filters& by, const std::vector<double>& d_y) {
  convolved found{{},
                  std::vector<double>(x.values.size()),
                  std::vector<double>(by.w.size()),
                  std::vector<double>(by.bias.size())};
  auto outputs_at = x.at;
  outputs_at.channels = by.outputs;
  const int width = x.at.channels / by.groups;
  for_each_window(outputs_at, [&](std::size_t place, int image, int row, int column, int o) {
    const int first = o / (by.outputs / by.groups) * width;
    double sum = by.bias[static_cast<std::size_t>(o)];
    for_each_pixel(x, row, column, [&](int r, int c) {
      const int tap = (r - row * x.at.stride + x.at.padding) * x.at.kernel + c -
                      column * x.at.stride + x.at.padding;
      for (int i = 0; i < width; ++i) {
        const auto from = x.index(image, r, c, first + i);
        const auto weight = static_cast<std::size_t>((tap * width + i) * by.outputs + o);
        sum += x.values[from] * by.w[weight];
        found.d_x[from] += by.w[weight] * d_y[place];
        found.d_w[weight] += x.values[from] * d_y[place];
      }
    });
    found.y.push_back(sum);
    found.d_bias[static_cast<std::size_t>(o)] += d_y[place];
  });
  return found;
}

template <class T>
void check_convolution(gpu& on, const window_shape& at, int groups, int outputs) {
  CAPTURE(at.batch, at.height, at.width, at.channels, at.kernel, at.stride, at.padding, groups,
          outputs, sizeof(T));
  const auto x = drawn<T>(at.pixels() * at.channels, 1);
  const auto w = drawn<T>(at.kernel * at.kernel * at.channels / groups * outputs, 2, 0.5F);
  const auto d_y = drawn<T>(at.windows() * outputs, 3);
  const auto bias = drawn(outputs, 4);
  const auto wanted =
      convolve({at, widened(x)}, {groups, outputs, widened(w), widened(bias)}, widened(d_y));
  device_array<T> on_x(on, x), on_w(on, w), on_d_y(on, d_y), y(on, at.windows() * outputs),
      before(on, at.windows() * outputs), d_x(on, at.pixels() * at.channels);
  device_array<float> on_bias(on, bias), d_w(on, static_cast<std::int64_t>(w.size())),
      d_bias(on, outputs);
  check(
      on.table.convolution(on.stream, {type_of<T>(), at, groups, outputs, on_x.data(), on_w.data(),
                                       on_bias.data(), activation::relu, before.data(), y.data()}));
  CHECK(distance(before.values(), wanted.y) < 2 * near<T>());
  auto positive = widened(before.values());
  for (auto& each : positive) each = std::max(each, 0.0);
  CHECK(distance(y.values(), positive) == 0);
  check(on.table.convolution_slopes(on.stream,
                                    {type_of<T>(), at, groups, outputs, on_x.data(), on_w.data(),
                                     on_d_y.data(), d_x.data(), d_w.data(), d_bias.data()}));
  CHECK(distance(d_x.values(), wanted.d_x) < 4 * near<T>());
  CHECK(distance(d_w.values(), wanted.d_w) < 1e-5);
  CHECK(distance(d_bias.values(), wanted.d_bias) < 1e-5);
}

} // namespace

TEST_CASE("pooling on the device, and its slopes, are the definition", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& at : windows)
      for (const auto how : {pooling::largest, pooling::average}) {
        CAPTURE(at.height, at.width, at.channels, at.kernel, sizeof(T), how == pooling::average);
        const auto x = drawn<T>(at.pixels() * at.channels, 1);
        const auto d_y = drawn<T>(at.windows() * at.channels, 2);
        const auto wanted = pool(how, {at, widened(x)}, widened(d_y));
        device_array<T> on_x(on, x), on_d_y(on, d_y), y(on, at.windows() * at.channels),
            d_x(on, at.pixels() * at.channels);
        device_array<std::int32_t> chosen(on, at.windows() * at.channels);
        check(on.table.pool(on.stream,
                            {how, type_of<T>(), at, on_x.data(), y.data(), chosen.data()}));
        CHECK(distance(y.values(), wanted.y) < near<T>());
        if (how == pooling::largest) CHECK(chosen.values() == wanted.chosen);
        check(on.table.pool_slopes(
            on.stream, {how, type_of<T>(), at, on_d_y.data(), chosen.data(), d_x.data()}));
        CHECK(distance(d_x.values(), wanted.d_x) < near<T>());
      }
  });
}

TEST_CASE("a NaN is the largest of its window on the device", "[ops][cuda]") {
  gpu on;
  device_array<float> x(on, std::vector<float>{5, NAN, 1, 2, 3, 4}), y(on, 2);
  check(on.table.pool(
      on.stream,
      {pooling::largest, ops::dtype::f32, {1, 2, 3, 1, 2, 1, 0}, x.data(), y.data(), nullptr}));
  const auto found = y.values();
  CHECK(std::isnan(found[0]));
  CHECK(std::isnan(found[1]));
}

TEST_CASE("the mean of all pixels on the device, and its slopes, are the definition",
          "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& [batch, pixels, channels] :
         {std::array<std::int64_t, 3>{1, 1, 1}, {3, 49, 5}, {2, 31, 257}}) {
      CAPTURE(batch, pixels, channels, sizeof(T));
      const auto x = drawn<T>(batch * pixels * channels, 1), d_y = drawn<T>(batch * channels, 2);
      std::vector<double> means(static_cast<std::size_t>(batch * channels)), slopes;
      const auto count = static_cast<double>(pixels);
      for (std::int64_t i = 0; i < batch * pixels * channels; ++i) {
        const auto mean =
            static_cast<std::size_t>(i / (pixels * channels) * channels + i % channels);
        means[mean] += cuda::to_float(x[static_cast<std::size_t>(i)]) / count;
        slopes.push_back(cuda::to_float(d_y[mean]) / count);
      }
      device_array<T> on_x(on, x), on_d_y(on, d_y), y(on, batch * channels),
          d_x(on, batch * pixels * channels);
      check(on.table.pixel_mean(on.stream,
                                {type_of<T>(), batch, pixels, channels, on_x.data(), y.data()}));
      CHECK(distance(y.values(), means) < near<T>());
      check(on.table.pixel_mean_slopes(
          on.stream, {type_of<T>(), batch, pixels, channels, on_d_y.data(), d_x.data()}));
      CHECK(distance(d_x.values(), slopes) < near<T>());
    }
  });
}

TEST_CASE("a convolution on the device, and its slopes, are the definition", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    check_convolution<T>(on, {1, 1, 1, 1, 1, 1, 0}, 1, 1);
    check_convolution<T>(on, {2, 7, 5, 3, 3, 1, 1}, 1, 4);
    check_convolution<T>(on, {1, 9, 9, 4, 5, 2, 2}, 2, 6);
    check_convolution<T>(on, {2, 5, 5, 6, 3, 2, 0}, 6, 6);   // depth-wise
    check_convolution<T>(on, {2, 4, 3, 31, 1, 1, 0}, 1, 33); // a product of pixels
    check_convolution<T>(on, {1, 8, 8, 33, 1, 2, 0}, 3, 3);
  });
}

TEST_CASE("gradients of a convolution that nobody wants are not computed", "[ops][cuda]") {
  gpu on;
  const window_shape at{1, 4, 4, 2, 3, 1, 1};
  device_array<float> x(on, drawn(32, 1)), w(on, drawn(36, 2)), d_y(on, drawn(32, 3)), y(on, 32);
  check(on.table.convolution(on.stream, {ops::dtype::f32, at, 1, 2, x.data(), w.data(), nullptr,
                                         activation::identity, nullptr, y.data()}));
  const auto wanted = convolve({at, widened(drawn(32, 1))}, {1, 2, widened(drawn(36, 2)), {0, 0}},
                               widened(drawn(32, 3)));
  CHECK(distance(y.values(), wanted.y) < 1e-5);
  check(on.table.convolution_slopes(on.stream, {ops::dtype::f32, at, 1, 2, x.data(), w.data(),
                                                d_y.data(), nullptr, nullptr, nullptr}));
  check(on.table.convolution_slopes(on.stream, {ops::dtype::f32, at, 1, 2, x.data(), w.data(),
                                                d_y.data(), x.data(), nullptr, nullptr}));
  CHECK(distance(x.values(), wanted.d_x) < 1e-5);
}

TEST_CASE("windows that cannot be are refused with the reason", "[ops][cuda]") {
  gpu on;
  const auto refusal = [&](const window_shape& at) {
    const auto* why = on.table.pool(
        on.stream, {pooling::average, ops::dtype::f32, at, nullptr, nullptr, nullptr});
    return std::string(why == nullptr ? "" : why);
  };
  CHECK_THAT(refusal({1, 4, 4, 1, 2, 0, 0}), Catch::Contains("extent"));
  CHECK_THAT(refusal({1, 4, 4, 1, 2, 1, 2}), Catch::Contains("padding"));
  CHECK_THAT(refusal({1, 4, 4, 1, 7, 1, 1}), Catch::Contains("larger"));
  CHECK_THAT(refusal({1 << 20, 64, 64, 1, 2, 1, 0}), Catch::Contains("2^31"));
  CHECK_THAT(on.table.convolution(on.stream, {ops::dtype::f32,
                                              {1, 4, 4, 3, 3, 1, 1},
                                              2,
                                              2,
                                              nullptr,
                                              nullptr,
                                              nullptr,
                                              activation::relu,
                                              nullptr,
                                              nullptr}),
             Catch::Contains("groups"));
}
