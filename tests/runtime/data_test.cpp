// Data sets deal every sample they hold as it is stored, whatever the format.
#include "runtime/data/dataset.hpp"
#include "tests/support/data_folder.hpp"
#include "tests/support/data_laws.hpp"
#include "tests/support/idx_bytes.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {

/// Seven images of 2 x 3 pixels: pixel p of image i is 10 i + p, its label i mod 3. Written both
/// ways that the wild knows.
void write_small_idx(const temporary_folder& folder) {
  for (const std::string stem : {"train", "t10k"}) {
    std::string pixels, labels;
    for (int i = 0; i < 7; ++i) {
      for (int p = 0; p < 6; ++p) pixels += static_cast<char>(10 * i + p);
      labels += static_cast<char>(i % 3);
    }
    folder.write(stem + "-images.idx3-ubyte", idx_bytes(0x803, {7, 2, 3}, pixels));
    folder.write(stem + "-labels-idx1-ubyte.gz", gzipped(idx_bytes(0x801, {7}, labels)));
  }
}

} // namespace

TEST_CASE("every data format is named, explained and found", "[runtime][data]") {
  for (const auto& row : data_formats()) {
    CHECK_FALSE(row.name.empty());
    CHECK_FALSE(row.help.empty());
    CHECK(row.open != nullptr);
  }
}

TEST_CASE("a permutation deals every sample once, as it is stored: idx", "[runtime][data]") {
  const temporary_folder folder;
  write_small_idx(folder);
  for (auto split : {data_split::train, data_split::test}) {
    const auto data = open("idx", folder.path(), split);
    CHECK(data->size() == 7);
    CHECK(data->input().extents == ops::shape{2, 3, 1});
    CHECK(data->input().classes == 3);
    check_laws(*data);
  }
}

TEST_CASE("a permutation deals every sample once, as it is stored: synthetic", "[runtime][data]") {
  for (auto split : {data_split::train, data_split::test}) {
    const auto data = open("synthetic", "blobs:1000:6:4", split);
    CHECK(data->size() == (split == data_split::train ? 1000 : 250));
    CHECK(data->input().extents == ops::shape{1, 1, 6});
    CHECK(data->input().classes == 4);
    check_laws(*data);
  }
}

TEST_CASE("an image is its pixels, seen from -1 to 1", "[runtime][data]") {
  const temporary_folder folder;
  write_small_idx(folder);
  const std::vector<std::uint32_t> samples{4, 1, 4};
  const auto got = open("idx", folder.path())->gather(samples);
  const auto pixels = got.inputs.values<std::uint8_t>();
  CHECK(std::vector<int>(pixels.begin(), pixels.begin() + 7) ==
        std::vector<int>{40, 41, 42, 43, 44, 45, 10});
  const auto labels = got.labels.values<std::int32_t>();
  CHECK(std::vector<int>(labels.begin(), labels.end()) == std::vector<int>{1, 1, 1});
  CHECK(0 * got.scale + got.shift == Approx(-1));
  CHECK(255 * got.scale + got.shift == Approx(1));
}

TEST_CASE("zeros go around an image on every side", "[runtime][data]") {
  const temporary_folder folder;
  write_small_idx(folder);
  const data_options options{.pad = 2};
  check_both("idx", folder.path(), options);
  const auto data = open("idx", folder.path(), data_split::train, options);
  CHECK(data->input().extents == ops::shape{6, 7, 1});
  const std::vector<std::uint32_t> samples{4, 1};
  const auto got = data->gather(samples);
  const auto pixels = got.inputs.values<std::uint8_t>();
  std::vector<int> wanted(2 * 42);
  for (int i = 0; i < 2; ++i)
    for (int p = 0; p < 6; ++p)
      wanted[static_cast<std::size_t>(i * 42 + (p / 3 + 2) * 7 + p % 3 + 2)] =
          10 * static_cast<int>(samples[static_cast<std::size_t>(i)]) + p;
  CHECK(std::vector<int>(pixels.begin(), pixels.end()) == wanted);
}

TEST_CASE("real data: MNIST and Fashion-MNIST keep the laws", "[runtime][data]") {
  for (const std::filesystem::path& folder :
       {data_folder() / "mnist", std::filesystem::path("/usr/share/datasets/fashion-mnist")}) {
    if (!std::filesystem::exists(folder)) {
      WARN("SKIPPED: there is no " << folder << "; set LAGRANGE_DATA or install the data set");
      continue;
    }
    for (auto split : {data_split::train, data_split::test}) {
      const auto data = open("idx", folder, split);
      CHECK(data->size() == (split == data_split::train ? 60000 : 10000));
      CHECK(data->input().extents == ops::shape{28, 28, 1});
      CHECK(data->input().classes == 10);
      check_laws(*data);
    }
  }
}

TEST_CASE("blobs are the same every time, and the splits differ", "[runtime][data]") {
  const std::vector<std::uint32_t> samples{0, 1, 2};
  const auto once = open("synthetic", "blobs:100:5:2")->gather(samples);
  CHECK(is_same(once.inputs, open("synthetic", "/jobs/blobs:100:5:2")->gather(samples).inputs));
  CHECK_FALSE(is_same(
      once.inputs, open("synthetic", "blobs:100:5:2", data_split::test)->gather(samples).inputs));
}

TEST_CASE("blobs have mean 0 and deviation 1 around their centres", "[runtime][data]") {
  const auto data = open("synthetic", "blobs:20000:2:2");
  const auto got = data->gather(shuffled(20000, 1));
  const auto x = got.inputs.values<float>();
  const auto labels = got.labels.values<std::int32_t>();
  double sum = 0, squares = 0, count = 0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == 0) sum += x[2 * i], squares += double{x[2 * i]} * x[2 * i], ++count;
  CHECK(count == 10000);
  CHECK(squares / count - (sum / count) * (sum / count) == Approx(1).margin(0.05));
}

TEST_CASE("softmax regression learns blobs on one split and knows them on the other",
          "[runtime][data]") {
  constexpr std::size_t features = 8, classes = 4;
  const auto train = open("synthetic", "blobs:2000:8:4")->gather(shuffled(2000, 1));
  const auto test = open("synthetic", "blobs:2000:8:4", data_split::test)->gather(shuffled(500, 1));
  std::array<std::array<double, features + 1>, classes> weights{};
  const auto probabilities = [&](std::span<const float> x) {
    std::array<double, classes> p{};
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double score = weights[k][features];
      for (std::size_t f = 0; f < features; ++f) score += weights[k][f] * x[f];
      sum += p[k] = std::exp(score);
    }
    for (auto& one : p) one /= sum;
    return p;
  };
  const auto sample = [](const batch& from, std::size_t i) {
    return from.inputs.values<float>().subspan(i * features, features);
  };
  for (std::size_t i = 0; i < 2000; ++i) {
    const auto x = sample(train, i);
    const auto p = probabilities(x);
    for (std::size_t k = 0; k < classes; ++k) {
      const double d = p[k] - (train.labels.values<std::int32_t>()[i] == static_cast<int>(k));
      for (std::size_t f = 0; f < features; ++f) weights[k][f] -= 0.05 * d * x[f];
      weights[k][features] -= 0.05 * d;
    }
  }
  int correct = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    const auto p = probabilities(sample(test, i));
    correct += std::ranges::max_element(p) - p.begin() == test.labels.values<std::int32_t>()[i];
  }
  CHECK(correct > 450);
}
