#include "tests/support/cuda_device.hpp"

#include <array>
#include <functional>
#include <string>

using namespace lagrange;
using namespace lagrange::tests;
using ops::cuda::activation;

namespace {

// Around a pack, a warp and a block; more than a grid has threads is in a test of its own.
constexpr std::int64_t counts[] = {1, 7, 31, 33, 257, 1000};
constexpr activation activations[] = {activation::identity, activation::relu, activation::gelu,
                                      activation::silu,     activation::tanh, activation::sigmoid};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double value(activation f, double x) {
  switch (f) {
  case activation::relu:
    return x < 0 ? 0 : x;
  case activation::gelu:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case activation::silu:
    return x * sigmoid(x);
  case activation::tanh:
    return std::tanh(x);
  case activation::sigmoid:
    return sigmoid(x);
  default:
    return x;
  }
}

// By a difference, so that no formula of a derivative is copied.
double slope(activation f, double x) {
  constexpr double step = 1e-5;
  if (f == activation::relu) return x > 0 ? 1 : 0;
  return (value(f, x + step) - value(f, x - step)) / (2 * step);
}

// body(i) for every element of x.
std::vector<double> mapped(const std::vector<double>& x,
                           const std::function<double(std::size_t)>& body) {
  std::vector<double> made(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) made[i] = body(i);
  return made;
}

} // namespace

TEST_CASE("an activation on the device is the function", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto f : activations)
      for (const auto count : counts) {
        CAPTURE(static_cast<int>(f), count, sizeof(T));
        const auto x = drawn<T>(count, 1, 6);
        const auto wide = widened(x);
        device_array<T> on_x(on, x), on_y(on, count);
        check(on.table.activate(on.stream, {f, type_of<T>(), count, on_x.data(), on_y.data()}));
        const auto wanted = mapped(wide, [&](std::size_t i) { return value(f, wide[i]); });
        CHECK(distance(on_y.values(), wanted) < near<T>());
        check(on.table.activate(on.stream, {f, type_of<T>(), count, on_x.data(), on_x.data()}));
        CHECK(is_same(on_x.values(), on_y.values()));
      }
  });
}

TEST_CASE("the slope of an activation on the device is that of the function", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto f : activations)
      for (const auto count : counts) {
        CAPTURE(static_cast<int>(f), count, sizeof(T));
        const auto x = widened(drawn<T>(count, 1, 4));
        const auto d_y = drawn<T>(count, 2);
        const bool is_x_saved = f == activation::gelu || f == activation::silu;
        std::vector<T> saved(x.size());
        for (std::size_t i = 0; i < x.size(); ++i)
          saved[i] = cuda::rounded<T>(static_cast<float>(is_x_saved ? x[i] : value(f, x[i])));
        device_array<T> on_saved(on, saved), on_d_y(on, d_y);
        check(on.table.activation_slopes(
            on.stream, {f, type_of<T>(), count, on_saved.data(), on_d_y.data(), on_d_y.data()}));
        const auto wanted =
            mapped(x, [&](std::size_t i) { return slope(f, x[i]) * cuda::to_float(d_y[i]); });
        CHECK(distance(on_d_y.values(), wanted) < 2 * near<T>());
      }
  });
}

TEST_CASE("an activation of a NaN is a NaN on the device", "[ops][cuda]") {
  gpu on;
  for (const auto f : activations) {
    device_array<float> on_x(on, std::vector<float>{NAN});
    check(on.table.activate(on.stream, {f, ops::dtype::f32, 1, on_x.data(), on_x.data()}));
    CHECK(std::isnan(on_x.values()[0]));
  }
}

TEST_CASE("bias and activation in one pass are one after the other", "[ops][cuda]") {
  gpu on;
  constexpr std::array<std::array<std::int64_t, 2>, 6> shapes{
      {{1, 1}, {31, 33}, {257, 3}, {2, 1000}, {5, 128}, {3000, 1}}};
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto& [rows, columns] : shapes)
      for (const auto f : {activation::identity, activation::relu, activation::gelu}) {
        CAPTURE(static_cast<int>(f), rows, columns, sizeof(T));
        const auto x = drawn<T>(rows * columns, 1, 3);
        const auto bias = drawn(columns, 2);
        device_array<T> on_x(on, x), on_before(on, rows * columns), on_y(on, rows * columns);
        device_array<float> on_bias(on, bias);
        check(on.table.add_bias(on.stream, {f, type_of<T>(), rows, columns, on_x.data(),
                                            on_bias.data(), on_before.data(), on_y.data()}));
        const auto wide = widened(x);
        const auto sums = mapped(wide, [&, width = static_cast<std::size_t>(columns)](
                                           std::size_t i) { return wide[i] + bias[i % width]; });
        CHECK(distance(on_before.values(), sums) < near<T>());
        CHECK(distance(on_y.values(),
                       mapped(sums, [&](std::size_t i) { return value(f, sums[i]); })) < near<T>());
        check(on.table.add_bias(on.stream, {f, type_of<T>(), rows, columns, on_x.data(),
                                            on_bias.data(), nullptr, on_x.data()}));
        CHECK(is_same(on_x.values(), on_y.values()));
      }
  });
}

TEST_CASE("sums and multiples on the device are those of each element", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto count : counts) {
      CAPTURE(count, sizeof(T));
      const auto a = drawn<T>(count, 1), b = drawn<T>(count, 2);
      const auto x = widened(a), y = widened(b);
      device_array<T> on_a(on, a), on_b(on, b), on_y(on, count);
      check(on.table.add(on.stream, {type_of<T>(), count, on_a.data(), on_b.data(), on_y.data()}));
      CHECK(distance(on_y.values(), mapped(x, [&](std::size_t i) { return x[i] + y[i]; })) <
            near<T>());
      check(on.table.scale(on.stream, {type_of<T>(), count, -3, on_a.data(), on_y.data()}));
      CHECK(distance(on_y.values(), mapped(x, [&](std::size_t i) { return -3 * x[i]; })) <
            near<T>());
      check(on.table.axpy(on.stream, {type_of<T>(), count, 0.5F, on_a.data(), on_b.data()}));
      CHECK(distance(on_b.values(), mapped(x, [&](std::size_t i) { return y[i] + x[i] / 2; })) <
            near<T>());
    }
  });
}

TEST_CASE("a conversion on the device rounds as the host does", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto from) {
    for_each_type([&](auto to) {
      using X = decltype(from);
      using Y = decltype(to);
      for (const auto count : counts) {
        const auto x = drawn<X>(count, 1, 1e4F);
        device_array<X> on_x(on, x);
        device_array<Y> on_y(on, count);
        check(on.table.convert(on.stream,
                               {type_of<X>(), type_of<Y>(), count, on_x.data(), on_y.data()}));
        std::vector<Y> wanted;
        for (const auto each : x) wanted.push_back(cuda::rounded<Y>(cuda::to_float(each)));
        CHECK(is_same(on_y.values(), wanted));
      }
    });
  });
}

TEST_CASE("dropout on the device keeps what the sequence says", "[ops][cuda]") {
  gpu on;
  constexpr std::uint64_t first = 1'000'000'000'000;
  const ops::random_sequence sequence(11, 5);
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto count : counts) {
      const auto x = drawn<T>(count, 1);
      const auto wide = widened(x);
      device_array<T> on_x(on, x), on_y(on, count);
      check(on.table.dropout(on.stream,
                             {type_of<T>(), count, 0.25F, 11, 5, first, on_x.data(), on_y.data()}));
      CHECK(distance(on_y.values(), mapped(wide, [&](std::size_t i) {
                       return sequence.unit(first + i) < 0.25F ? 0 : wide[i] / 0.75;
                     })) < near<T>());
    }
  });
  const cuda::status why =
      on.table.dropout(on.stream, {ops::dtype::f32, 1, 1, 0, 0, 0, nullptr, nullptr});
  CHECK_THAT(std::string(why == nullptr ? "" : why), Catch::Contains("rate"));
}

TEST_CASE("memory that is not aligned to packs is computed with, too", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    const auto x = drawn<T>(1000, 1);
    device_array<T> on_x(on, x), on_y(on, x);
    check(on.table.scale(on.stream, {type_of<T>(), 997, 2, on_x.data() + 1, on_y.data() + 2}));
    const auto wide = widened(x);
    auto wanted = wide;
    for (std::size_t i = 0; i < 997; ++i) wanted[i + 2] = 2 * wide[i + 1];
    CHECK(distance(on_y.values(), wanted) == 0);
  });
}

TEST_CASE("more elements than a grid has threads are all computed", "[ops][cuda]") {
  gpu on;
  const std::int64_t count = 4096 * 256 + 5; // not aligned, so that a thread takes one at a time
  device_array<cuda::bf16> on_x(on, drawn<cuda::bf16>(count + 1, 1)), on_y(on, count);
  check(on.table.scale(on.stream, {ops::dtype::bf16, count, 1, on_x.data() + 1, on_y.data()}));
  auto wanted = on_x.values();
  wanted.erase(wanted.begin());
  CHECK(is_same(on_y.values(), wanted));
}

TEST_CASE("no elements are no work, and less are refused", "[ops][cuda]") {
  gpu on;
  CHECK(on.table.scale(on.stream, {ops::dtype::f32, 0, 1, nullptr, nullptr}) == nullptr);
  CHECK(on.table.scale(on.stream, {ops::dtype::f32, -1, 1, nullptr, nullptr}) != nullptr);
  CHECK(on.table.scale(on.stream, {ops::dtype::i32, 1, 1, nullptr, nullptr}) != nullptr);
}
