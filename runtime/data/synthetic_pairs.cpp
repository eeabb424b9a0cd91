#include "runtime/data/lines.hpp"
#include "runtime/data/pairs.hpp"
#include "runtime/data/rows.hpp"
#include "runtime/data/synthetic.hpp"
#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t rows_max = std::uint64_t{1} << 28;
constexpr double exponent_max = 4;

/// Row k of 0 .. rows-1 with a probability in proportion to (k + 1)^-exponent.
/// Paper: Hörmann and Derflinger 1996 (rejection-inversion): no table, however many rows.
class zipf {
public:
  zipf(std::int64_t rows, double exponent)
      : rows_(static_cast<double>(rows)), exponent_(exponent), low_(area(1.5) - 1),
        high_(area(rows_ + 0.5)), accepted_(2 - place(area(2.5) - height(2))) {}

  /// Takes bits from stream `stream`, from `index` on; it moves to those not taken.
  std::int32_t operator()(std::uint64_t stream, std::uint64_t& index) const {
    while (true) {
      const auto unit = static_cast<double>(draw_bits(stream, index++) >> 11) * 0x1p-53;
      const auto u = high_ + unit * (low_ - high_);
      const auto x = place(u);
      const auto k = std::clamp(std::round(x), 1.0, rows_);
      if (k - x <= accepted_ || u >= area(k + 0.5) - height(k))
        return static_cast<std::int32_t>(k) - 1;
    }
  }

private:
  double height(double x) const { return std::pow(x, -exponent_); }
  /// The integral of height(), and the place where it has a value.
  double area(double x) const {
    const auto slope = 1 - exponent_;
    return std::abs(slope) < 1e-9 ? std::log(x) : (std::pow(x, slope) - 1) / slope;
  }
  double place(double sum) const {
    const auto slope = 1 - exponent_;
    return std::abs(slope) < 1e-9 ? std::exp(sum)
                                  : std::pow(std::max(0.0, 1 + sum * slope), 1 / slope);
  }

  double rows_, exponent_, low_, high_, accepted_;
};

/// A row of the first table, and of the second the one of `choices` that suits it best. Which suit
/// is planted: every row has a vector of 16 signs, and the product of two is how well they suit.
/// So a model of rank 16 knows all there is to know, and popular rows alone say little.
class zipf_pairs final : public dataset {
public:
  zipf_pairs(std::size_t samples, std::array<std::int64_t, 2> rows, double exponent,
             data_split split)
      : samples_(samples), rows_(rows), first_(rows[0], exponent), second_(rows[1], exponent),
        split_(split) {}

  std::size_t size() const override { return samples_; }
  ops::model_input input() const override { return pairs_input(rows_[0], rows_[1], others()); }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    auto out = make_pairs(samples.size(), others());
    const auto columns = static_cast<std::size_t>(out.inputs.extents()[1]);
    auto row = out.inputs.values<std::int32_t>();
    for (const auto sample : samples) {
      const auto [a, b] = pair_of(sample);
      row[0] = a;
      row[1] = b;
      draw_others(sample, rows_[1], row.subspan(2, columns - 2),
                  [truth = b](std::int32_t other) { return other == truth; });
      row = row.subspan(columns);
    }
    return out;
  }

private:
  static constexpr int choices = 16;
  static constexpr std::uint64_t signs_first = 3, signs_second = 4; // of both splits

  std::int64_t others() const {
    return split_ == data_split::train ? 0 : std::min(others_max, rows_[1] - 1);
  }
  static std::uint16_t signs(std::uint64_t stream, std::int32_t row) {
    return static_cast<std::uint16_t>(draw_bits(stream, static_cast<std::uint64_t>(row)));
  }

  std::pair<std::int32_t, std::int32_t> pair_of(std::uint32_t sample) const {
    // Far more numbers than a sample ever takes.
    auto index = std::uint64_t{sample} << 16;
    const auto stream = stream_of(split_);
    const auto a = first_(stream, index);
    const auto wanted = signs(signs_first, a);
    std::int32_t best = 0;
    for (int choice = 0, unlike_least = 17; choice < choices; ++choice) {
      const auto b = second_(stream, index);
      const auto unlike = std::popcount(static_cast<unsigned>(wanted ^ signs(signs_second, b)));
      if (unlike < unlike_least) best = b, unlike_least = unlike;
    }
    return {a, best};
  }

  std::size_t samples_;
  std::array<std::int64_t, 2> rows_;
  zipf first_, second_;
  data_split split_;
};

} // namespace

result<std::unique_ptr<dataset>> make_zipf_pairs(const synthetic_order& order) {
  const auto& [spec, arguments, split] = order;
  BOOST_OUTCOME_TRY(samples, parse_count(arguments[0], spec + ": SAMPLES", 1, 0xffff'ffff));
  BOOST_OUTCOME_TRY(first, parse_count(arguments[1], spec + ": ROWS_A", 2, rows_max));
  BOOST_OUTCOME_TRY(second, parse_count(arguments[2], spec + ": ROWS_B", 2, rows_max));
  const auto exponent = parse_number<double>(arguments[3]);
  if (!exponent || !(*exponent >= 0 && *exponent <= exponent_max))
    return failure(errc::bad_argument,
                   fmt::format("{}: EXPONENT is \"{}\", expected a number from 0 to {}", spec,
                               arguments[3], exponent_max));
  return std::make_unique<zipf_pairs>(
      order.samples_of_split(samples),
      std::array{static_cast<std::int64_t>(first), static_cast<std::int64_t>(second)}, *exponent,
      split);
}

} // namespace lagrange::runtime
