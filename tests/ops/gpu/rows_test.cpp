#include "ops/cuda/segments.hpp"
#include "tests/support/cuda_device.hpp"

#include <map>

using namespace lagrange;
using namespace lagrange::tests;
using cuda::mask;

namespace {

std::vector<std::int32_t> tokens(std::int64_t count, std::int64_t entries) {
  const ops::random_sequence sequence(5, 0);
  std::vector<std::int32_t> made;
  for (std::int64_t i = 0; i < count; ++i)
    made.push_back(static_cast<std::int32_t>(sequence.bits(static_cast<std::uint64_t>(i)) %
                                             static_cast<std::uint64_t>(entries)));
  return made;
}

using shape = cuda::attention_shape;

// One head in double precision: [T, width] matrices as functions of (time, i).
struct head {
  const shape& of;
  const std::vector<double>& qkv; // [B, T, 3, heads, width]
  std::int64_t sequence, number;

  std::size_t index(int part, std::int64_t time, std::int64_t i) const {
    return static_cast<std::size_t>(
        (((sequence * of.time + time) * 3 + part) * of.heads + number) * of.width + i);
  }
  double dot(std::int64_t query, std::int64_t key) const {
    double sum = 0;
    for (std::int64_t i = 0; i < of.width; ++i)
      sum += qkv[index(0, query, i)] * qkv[index(1, key, i)];
    return sum / std::sqrt(static_cast<double>(of.width));
  }
};

// sum of g * attention(qkv); attention itself where g is one of the unit vectors.
struct attended {
  std::vector<double> y, weights;
};

attended attend(const shape& of, const std::vector<double>& qkv, mask hidden) {
  attended found{std::vector<double>(qkv.size() / 3), {}};
  for (std::int64_t sequence = 0; sequence < of.batch; ++sequence)
    for (std::int64_t number = 0; number < of.heads; ++number) {
      const head at{of, qkv, sequence, number};
      for (std::int64_t query = 0; query < of.time; ++query) {
        const auto seen = hidden == mask::causal ? query + 1 : of.time;
        double sum = 0;
        for (std::int64_t key = 0; key < seen; ++key) sum += std::exp(at.dot(query, key));
        for (std::int64_t key = 0; key < of.time; ++key) {
          const double weight = key < seen ? std::exp(at.dot(query, key)) / sum : 0;
          found.weights.push_back(weight);
          for (std::int64_t i = 0; i < of.width; ++i)
            found.y[static_cast<std::size_t>(
                ((sequence * of.time + query) * of.heads + number) * of.width + i)] +=
                weight * qkv[at.index(2, key, i)];
        }
      }
    }
  return found;
}

// Of sum(g * y), by differences.
std::vector<double> attention_slopes(const shape& of, const std::vector<double>& qkv, mask hidden,
                                     const std::vector<double>& g) {
  constexpr double step = 1e-5;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < qkv.size(); ++i) {
    auto above = qkv, below = qkv;
    above[i] += step;
    below[i] -= step;
    const auto high = attend(of, above, hidden).y, low = attend(of, below, hidden).y;
    double slope = 0;
    for (std::size_t j = 0; j < g.size(); ++j) slope += g[j] * (high[j] - low[j]) / (2 * step);
    slopes.push_back(slope);
  }
  return slopes;
}

template <class T>
void check_attention(gpu& on, const shape& of, mask hidden) {
  CAPTURE(of.batch, of.time, of.heads, of.width, sizeof(T), hidden == mask::causal);
  const auto count = of.batch * of.time * of.heads * of.width;
  const auto qkv = drawn<T>(3 * count, 1, 2);
  const auto wanted = attend(of, widened(qkv), hidden);
  device_array<T> on_qkv(on, qkv), y(on, count),
      weights(on, of.batch * of.heads * of.time * of.time);
  check(on.table.attention(on.stream,
                           {type_of<T>(), of, hidden, on_qkv.data(), weights.data(), y.data()}));
  CHECK(distance(weights.values(), wanted.weights) < near<T>());
  CHECK(distance(y.values(), wanted.y) < 2 * near<T>());
  if (count > 200) return; // differences of all of it would take long
  const auto d_y = drawn<T>(count, 2);
  device_array<T> on_d_y(on, d_y), d_qkv(on, 3 * count);
  check(on.table.attention_slopes(on.stream, {type_of<T>(), of, hidden, on_qkv.data(),
                                              weights.data(), on_d_y.data(), d_qkv.data()}));
  CHECK(distance(d_qkv.values(), attention_slopes(of, widened(qkv), hidden, widened(d_y))) <
        4 * near<T>());
}

} // namespace

TEST_CASE("an embedding on the device is the rows that are named", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const std::int64_t width : {1, 31, 33, 257, 1000}) {
      const std::int64_t entries = 13, count = 37;
      const auto ids = tokens(count, entries);
      const auto table = drawn<T>(entries * width, 1);
      std::vector<T> wanted;
      for (const auto id : ids)
        wanted.insert(wanted.end(), table.begin() + id * width, table.begin() + (id + 1) * width);
      device_array<std::int32_t> on_ids(on, ids);
      device_array<T> on_table(on, table), y(on, count * width);
      check(on.table.embedding(on.stream, {type_of<T>(), count, entries, width, on_ids.data(),
                                           on_table.data(), y.data()}));
      CHECK(is_same(y.values(), wanted));
    }
  });
}

TEST_CASE("an id that is no row gives NaNs, and nothing else is read", "[ops][cuda]") {
  gpu on;
  device_array<std::int32_t> ids(on, std::vector<std::int32_t>{1, 2, -1});
  device_array<float> table(on, std::vector<float>{1, 2}), y(on, 3);
  check(on.table.embedding(on.stream,
                           {ops::dtype::f32, 3, 2, 1, ids.data(), table.data(), y.data()}));
  const auto found = y.values();
  CHECK(found[0] == 2);
  CHECK((std::isnan(found[1]) && std::isnan(found[2])));
}

TEST_CASE("segments name every token once, by id and then in order", "[ops][cuda]") {
  cuda::segments made;
  cuda::make_segments(std::vector<std::int32_t>{7, 3, 7, 0, 3, 7}, made);
  CHECK(made.ids == std::vector<std::int32_t>{0, 3, 7});
  CHECK(made.order == std::vector<std::int32_t>{3, 1, 4, 0, 2, 5});
  CHECK(made.starts == std::vector<std::int32_t>{0, 1, 3, 6});
  cuda::make_segments({}, made);
  CHECK(made.ids.empty());
  CHECK(made.starts == std::vector<std::int32_t>{0});
}

TEST_CASE("the slopes of an embedding on the device are sums over tokens, row by row",
          "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const std::int64_t width : {1, 33, 257}) {
      const std::int64_t count = 1000;
      const auto ids = tokens(count, 31);
      const auto d_y = drawn<T>(count * width, 1);
      cuda::segments found;
      cuda::make_segments(ids, found);
      std::map<std::int32_t, std::vector<double>> sums;
      for (std::size_t i = 0; i < d_y.size(); ++i) {
        auto& row = sums[ids[i / static_cast<std::size_t>(width)]];
        row.resize(static_cast<std::size_t>(width));
        row[i % row.size()] += cuda::to_float(d_y[i]);
      }
      std::vector<double> wanted;
      for (const auto& [id, row] : sums) wanted.insert(wanted.end(), row.begin(), row.end());
      const auto segments = static_cast<std::int64_t>(found.ids.size());
      device_array<T> on_d_y(on, d_y);
      device_array<std::int32_t> order(on, found.order), starts(on, found.starts);
      device_array<float> rows(on, segments * width);
      check(on.table.embedding_slopes(on.stream, {type_of<T>(), segments, width, order.data(),
                                                  starts.data(), on_d_y.data(), rows.data()}));
      CHECK(distance(rows.values(), wanted) < 1e-5);
    }
  });
}

TEST_CASE("attention on the device, and its slopes, are the definition", "[ops][cuda]") {
  gpu on;
  for_each_type([&](auto type) {
    using T = decltype(type);
    for (const auto hidden : {mask::none, mask::causal}) {
      check_attention<T>(on, {1, 1, 1, 1}, hidden);
      check_attention<T>(on, {2, 5, 3, 4}, hidden);
      check_attention<T>(on, {1, 9, 2, 3}, hidden);
      check_attention<T>(on, {1, 33, 2, 31}, hidden);
    }
  });
}
