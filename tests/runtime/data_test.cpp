// Data sets deal every sample they hold as it is stored, whatever the format.
#include "runtime/data/dataset.hpp"
#include "tests/support/data_folder.hpp"
#include "tests/support/idx_bytes.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {

const data_row& format(std::string_view wanted) {
  const auto rows = data_formats();
  const auto row = std::ranges::find(rows, wanted, &data_row::name);
  REQUIRE(row != rows.end());
  return *row;
}

std::unique_ptr<dataset> open(std::string_view wanted, const std::string& path,
                              data_split split = data_split::train) {
  auto opened = format(wanted).open(path, split);
  INFO((opened ? "" : opened.error().text));
  REQUIRE(opened);
  return std::move(opened).value();
}

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

std::vector<std::uint32_t> shuffled(std::size_t count, unsigned seed) {
  std::vector<std::uint32_t> samples(count);
  std::iota(samples.begin(), samples.end(), 0u);
  std::shuffle(samples.begin(), samples.end(), std::mt19937(seed));
  return samples;
}

/// The bytes of one sample and its label, as one comparable value.
std::string sample_bytes(const batch& from, std::size_t index) {
  const auto each = from.inputs.size_bytes() / static_cast<std::size_t>(from.labels.elements());
  const auto* first = reinterpret_cast<const char*>(from.inputs.bytes()) + index * each;
  return std::string(first, each) + '#' + std::to_string(from.labels.values<std::int32_t>()[index]);
}

std::vector<std::string> all_bytes(const dataset& data, std::span<const std::uint32_t> samples,
                                   std::size_t at_once) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < samples.size(); at += at_once) {
    const auto part = samples.subspan(at, std::min(at_once, samples.size() - at));
    const auto got = data.gather(part);
    for (std::size_t i = 0; i < part.size(); ++i) out.push_back(sample_bytes(got, i));
  }
  return out;
}

/// What every data set promises.
void check_laws(const dataset& data) {
  REQUIRE(data.size() >= 1);
  REQUIRE(data.sample_extents().rank() == 3);
  const auto count = std::min<std::size_t>(data.size(), 5000);

  const auto in_order = [&] {
    std::vector<std::uint32_t> samples(count);
    std::iota(samples.begin(), samples.end(), 0u);
    return all_bytes(data, samples, 64);
  }();
  const auto samples = shuffled(count, 3);
  const auto dealt = all_bytes(data, samples, 7);
  for (std::size_t i = 0; i < count; ++i) REQUIRE(dealt[i] == in_order[samples[i]]);

  const auto got = data.gather(samples);
  CHECK(got.inputs.extents() == ops::shape{static_cast<std::int64_t>(count),
                                           data.sample_extents()[0], data.sample_extents()[1],
                                           data.sample_extents()[2]});
  CHECK(std::isfinite(got.scale));
  for (auto label : got.labels.values<std::int32_t>())
    REQUIRE((label >= 0 && label < data.classes()));

  const std::vector<std::uint32_t> beyond{static_cast<std::uint32_t>(data.size())};
  CHECK_THROWS_AS(data.gather(beyond), ops::contract_error);
  CHECK_THROWS_AS(data.gather({}), ops::contract_error);
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
    CHECK(data->sample_extents() == ops::shape{2, 3, 1});
    CHECK(data->classes() == 3);
    check_laws(*data);
  }
}

TEST_CASE("a permutation deals every sample once, as it is stored: synthetic", "[runtime][data]") {
  for (auto split : {data_split::train, data_split::test}) {
    const auto data = open("synthetic", "blobs:1000:6:4", split);
    CHECK(data->size() == (split == data_split::train ? 1000 : 250));
    CHECK(data->sample_extents() == ops::shape{1, 1, 6});
    CHECK(data->classes() == 4);
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
      CHECK(data->sample_extents() == ops::shape{28, 28, 1});
      CHECK(data->classes() == 10);
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
