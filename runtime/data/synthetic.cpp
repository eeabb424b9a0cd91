#include "runtime/data/rows.hpp"
#include "runtime/staleness/policy.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t seed = 0x6c616772616e6765; // "lagrange"
constexpr std::uint64_t elements_max = std::uint64_t{1} << 30;
// Centres are this far from the origin in each feature, in deviations of their clouds: with eight
// features or more, clouds hardly touch.
constexpr float spread = 1.5f;

/// A number that depends on nothing but its arguments. Paper: Steele et al. 2014 (SplitMix).
std::uint64_t draw(std::uint64_t stream, std::uint64_t index) {
  auto x = seed + stream * 0xd1342543de82ef95 + (index + 1) * 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// Nearly normal with mean 0 and deviation 1: the sum of twelve uniform numbers, less six. Unlike
/// logarithm and cosine it has the same bits on every machine.
float draw_normal(std::uint64_t stream, std::uint64_t index) {
  std::int32_t sum = 0;
  for (std::uint64_t part = 0; part < 3; ++part)
    for (auto bits = draw(stream, index * 3 + part); const int shift : {0, 16, 32, 48})
      sum += static_cast<std::int32_t>(bits >> shift & 0xffff);
  return (static_cast<float>(sum) - 6 * 65535.0f) / 65536.0f;
}

class blobs final : public dataset {
public:
  blobs(std::size_t samples, std::int64_t features, std::int64_t classes, data_split split)
      : samples_(samples), features_(features), classes_(classes), split_(split) {}

  std::size_t size() const override { return samples_; }
  ops::shape sample_extents() const override { return {1, 1, features_}; }
  std::int64_t classes() const override { return classes_; }

  batch gather(std::span<const std::uint32_t> samples) const override {
    LAGRANGE_EXPECT(!samples.empty(), "a batch of no samples");
    const auto rows = static_cast<std::int64_t>(samples.size());
    batch out{.inputs = ops::tensor(ops::dtype::f32, {rows, 1, 1, features_}),
              .labels = ops::tensor(ops::dtype::i32, {rows})};
    const auto features = static_cast<std::uint64_t>(features_);
    auto to = out.inputs.values<float>().data();
    auto labels = out.labels.values<std::int32_t>();
    for (std::size_t i = 0; i < samples.size(); ++i) {
      LAGRANGE_EXPECT(samples[i] < samples_,
                      fmt::format("sample {} of {} was asked for", samples[i], samples_));
      const auto label = samples[i] % static_cast<std::uint64_t>(classes_);
      labels[i] = static_cast<std::int32_t>(label);
      for (std::uint64_t feature = 0; feature < features; ++feature)
        *to++ = spread * draw_normal(centres, label * features + feature) +
                draw_normal(stream(), samples[i] * features + feature);
    }
    return out;
  }

private:
  static constexpr std::uint64_t centres = 0;
  std::uint64_t stream() const { return split_ == data_split::train ? 1 : 2; }

  std::size_t samples_;
  std::int64_t features_;
  std::int64_t classes_;
  data_split split_;
};

} // namespace

result<std::unique_ptr<dataset>> open_synthetic(const std::string& path, data_split split) {
  const std::string spec = path.substr(path.find_last_of('/') + 1);
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= spec.size();) {
    const auto end = std::min(spec.find(':', begin), spec.size());
    parts.push_back(spec.substr(begin, end - begin));
    begin = end + 1;
  }
  if (parts.size() != 4 || parts[0] != "blobs")
    return failure(
        errc::bad_argument,
        fmt::format("synthetic data \"{}\", expected blobs:SAMPLES:FEATURES:CLASSES, as in "
                    "blobs:1000:8:3",
                    spec));
  BOOST_OUTCOME_TRY(features, parse_count(parts[2], spec + ": FEATURES", 1, 1u << 15));
  BOOST_OUTCOME_TRY(classes, parse_count(parts[3], spec + ": CLASSES", 2, 1u << 15));
  BOOST_OUTCOME_TRY(samples,
                    parse_count(parts[1], spec + ": SAMPLES", classes, elements_max / features));
  if (split == data_split::test) samples = (samples + 3) / 4;
  return std::make_unique<blobs>(samples, static_cast<std::int64_t>(features),
                                 static_cast<std::int64_t>(classes), split);
}

} // namespace lagrange::runtime
