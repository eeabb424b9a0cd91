#include "runtime/data/rows.hpp"
#include "runtime/data/synthetic.hpp"
#include "runtime/spec.hpp"

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t elements_max = std::uint64_t{1} << 30;
// Centres are this far from the origin in each feature, in deviations of their clouds: with eight
// features or more, clouds hardly touch.
constexpr float spread = 1.5f;

/// Nearly normal with mean 0 and deviation 1: the sum of twelve uniform numbers, less six. Unlike
/// logarithm and cosine it has the same bits on every machine.
float draw_normal(std::uint64_t stream, std::uint64_t index) {
  std::int32_t sum = 0;
  for (std::uint64_t part = 0; part < 3; ++part)
    for (auto bits = draw_bits(stream, index * 3 + part); const int shift : {0, 16, 32, 48})
      sum += static_cast<std::int32_t>(bits >> shift & 0xffff);
  return (static_cast<float>(sum) - 6 * 65535.0f) / 65536.0f;
}

/// Class k is a normal cloud around a centre of its own, and labels go round robin.
class blobs final : public dataset {
public:
  blobs(std::size_t samples, std::int64_t features, std::int64_t classes, data_split split)
      : samples_(samples), features_(features), classes_(classes), split_(split) {}

  std::size_t size() const override { return samples_; }
  ops::model_input input() const override { return {{1, 1, features_}, classes_}; }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    const auto rows = static_cast<std::int64_t>(samples.size());
    batch out{.inputs = ops::tensor(ops::dtype::f32, {rows, 1, 1, features_}),
              .labels = ops::tensor(ops::dtype::i32, {rows})};
    const auto features = static_cast<std::uint64_t>(features_);
    auto to = out.inputs.values<float>().data();
    auto labels = out.labels.values<std::int32_t>();
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const auto label = samples[i] % static_cast<std::uint64_t>(classes_);
      labels[i] = static_cast<std::int32_t>(label);
      for (std::uint64_t feature = 0; feature < features; ++feature)
        *to++ = spread * draw_normal(centres, label * features + feature) +
                draw_normal(stream_of(split_), samples[i] * features + feature);
    }
    return out;
  }

private:
  static constexpr std::uint64_t centres = 0;

  std::size_t samples_;
  std::int64_t features_;
  std::int64_t classes_;
  data_split split_;
};

} // namespace

result<std::unique_ptr<dataset>> make_blobs(const synthetic_order& order) {
  const auto& [spec, arguments, split] = order;
  BOOST_OUTCOME_TRY(features, parse_count(arguments[1], spec + ": FEATURES", 1, 1u << 15));
  BOOST_OUTCOME_TRY(classes, parse_count(arguments[2], spec + ": CLASSES", 2, 1u << 15));
  BOOST_OUTCOME_TRY(
      samples, parse_count(arguments[0], spec + ": SAMPLES", classes, elements_max / features));
  return std::make_unique<blobs>(order.samples_of_split(samples),
                                 static_cast<std::int64_t>(features),
                                 static_cast<std::int64_t>(classes), split);
}

} // namespace lagrange::runtime
