#include "ops/functions.hpp"
#include "ops/vectorised.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lagrange::ops {

namespace {

// Samples lie behind each other as rows of channels. Channels are few, so several rows are taken
// for one wide row, whose lanes are independent sums; what belongs to a channel is repeated over
// it. Blocks of wide rows stay in the first cache while they are read twice, are summed in f32, and
// are put together in double.
constexpr std::size_t wide_min = 256;
constexpr std::size_t block_rows = 16;

struct batch_sizes {
  std::size_t elements, channels, wide;
  std::size_t block() const { return wide * block_rows; }
};

// By lane of a wide row.
struct lanes_of_channels {
  std::vector<float> mean, factor, shift; ///< y = (x - mean) factor + shift
  std::vector<float> sums, more_sums;     ///< scratch of a block
};

struct sums_of_channels {
  std::vector<double> first, second;
};

// Every lane sums term(element, lane) over its elements of a block.
template <class Term>
inline void sum_lanes(std::size_t count, std::size_t wide, float* __restrict sums, Term term) {
  for (std::size_t lane = 0; lane < wide; ++lane) sums[lane] = 0;
  std::size_t i = 0;
  for (; i + 4 * wide <= count; i += 4 * wide)
    for (std::size_t lane = 0; lane < wide; ++lane)
      sums[lane] += (term(i + lane, lane) + term(i + wide + lane, lane)) +
                    (term(i + 2 * wide + lane, lane) + term(i + 3 * wide + lane, lane));
  for (; i < count; i += wide) {
    const auto rest = count - i < wide ? count - i : wide;
    for (std::size_t lane = 0; lane < rest; ++lane) sums[lane] += term(i + lane, lane);
  }
}

// Adds the lanes of each channel up in its first.
inline void fold(const batch_sizes& of, float* sums) {
  for (std::size_t first = of.channels; first < of.wide; first += of.channels)
    for (std::size_t c = 0; c < of.channels; ++c) sums[c] += sums[first + c];
}

// Repeats the first channels over the lanes.
inline void repeat(const batch_sizes& of, float* lanes) {
  for (std::size_t lane = of.channels; lane < of.wide; ++lane)
    lanes[lane] = lanes[lane - of.channels];
}

// Leaves the mean of each channel, and the sum of squared distances from it.
// Paper: Chan, Golub, LeVeque: Updating Formulae and a Pairwise Algorithm for Computing Sample
// Variances (1979).
inline void statistics_loop(const batch_sizes* of, const float* __restrict x, lanes_of_channels* at,
                            sums_of_channels* found) {
  float* __restrict mean = at->mean.data();
  float* __restrict sums = at->sums.data();
  double before = 0;
  for (std::size_t first = 0; first < of->elements; first += of->block()) {
    const auto count = std::min(of->block(), of->elements - first);
    const auto rows = static_cast<double>(count / of->channels);
    const float* block = x + first;
    sum_lanes(count, of->wide, sums, [=](std::size_t i, std::size_t) { return block[i]; });
    fold(*of, sums);
    for (std::size_t c = 0; c < of->channels; ++c) mean[c] = sums[c] / static_cast<float>(rows);
    repeat(*of, mean);
    sum_lanes(count, of->wide, sums, [=](std::size_t i, std::size_t lane) {
      const float apart = block[i] - mean[lane];
      return apart * apart;
    });
    fold(*of, sums);
    const double share = rows / (before + rows);
    for (std::size_t c = 0; c < of->channels; ++c) {
      const double apart = static_cast<double>(mean[c]) - found->first[c];
      found->first[c] += apart * share;
      found->second[c] += static_cast<double>(sums[c]) + apart * apart * before * share;
    }
    before += rows;
  }
}

template <bool is_relu>
inline void apply_loop(const batch_sizes* of, const float* __restrict x, float* __restrict y,
                       const lanes_of_channels* at) {
  const float* __restrict mean = at->mean.data();
  const float* __restrict factor = at->factor.data();
  const float* __restrict shift = at->shift.data();
  for (std::size_t first = 0; first < of->elements; first += of->wide) {
    const auto count = std::min(of->wide, of->elements - first);
    for (std::size_t lane = 0; lane < count; ++lane) {
      const float z = (x[first + lane] - mean[lane]) * factor[lane] + shift[lane];
      y[first + lane] = is_relu && z < 0 ? 0.0F : z;
    }
  }
}

// Sums, for each channel, of d and of d (x - mean). Where relu made a zero, which forward's formula
// tells with the same bits, d is none.
template <bool is_relu>
inline void gradient_sums_loop(const batch_sizes* of, const float* __restrict x,
                               const float* __restrict d, lanes_of_channels* at,
                               sums_of_channels* found) {
  const float* __restrict mean = at->mean.data();
  const float* __restrict factor = at->factor.data();
  const float* __restrict shift = at->shift.data();
  float* __restrict sums = at->sums.data();
  float* __restrict products = at->more_sums.data();
  for (std::size_t first = 0; first < of->elements; first += of->block()) {
    const auto count = std::min(of->block(), of->elements - first);
    for (std::size_t lane = 0; lane < of->wide; ++lane) sums[lane] = products[lane] = 0;
    for (std::size_t row = first; row < first + count; row += of->wide) {
      const auto width = std::min(of->wide, first + count - row);
      for (std::size_t lane = 0; lane < width; ++lane) {
        const float apart = x[row + lane] - mean[lane], d_y = d[row + lane];
        const bool is_off = is_relu && !(apart * factor[lane] + shift[lane] > 0);
        const float each = is_off ? 0.0F : d_y;
        sums[lane] += each;
        products[lane] += each * apart;
      }
    }
    fold(*of, sums);
    fold(*of, products);
    for (std::size_t c = 0; c < of->channels; ++c) {
      found->first[c] += static_cast<double>(sums[c]);
      found->second[c] += static_cast<double>(products[c]);
    }
  }
}

// d_x = factor d + sums + more_sums (x - mean).
template <bool is_relu>
inline void input_gradient_loop(const batch_sizes* of, const float* __restrict x,
                                const float* __restrict d, float* __restrict d_x,
                                const lanes_of_channels* at) {
  const float* __restrict mean = at->mean.data();
  const float* __restrict factor = at->factor.data();
  const float* __restrict shift = at->shift.data();
  const float* __restrict constant = at->sums.data();
  const float* __restrict slope = at->more_sums.data();
  for (std::size_t first = 0; first < of->elements; first += of->wide) {
    const auto count = std::min(of->wide, of->elements - first);
    for (std::size_t lane = 0; lane < count; ++lane) {
      const float apart = x[first + lane] - mean[lane], d_y = d[first + lane];
      const bool is_off = is_relu && !(apart * factor[lane] + shift[lane] > 0);
      const float each = is_off ? 0.0F : d_y;
      d_x[first + lane] = factor[lane] * each + (slope[lane] * apart + constant[lane]);
    }
  }
}

// Operands: x, scale, shift, and the running mean and variance.
class batch_norm_operation final : public operation {
public:
  explicit batch_norm_operation(const operation_site& at)
      : mode_(at.mode), epsilon_(at.key.numbers[0]),
        is_relu_(static_cast<activation>(static_cast<int>(at.key.numbers[1])) == activation::relu) {
    const auto channels = static_cast<std::size_t>(at.x[1].elements());
    sizes_ = {static_cast<std::size_t>(at.y.elements()), channels,
              (wide_min + channels - 1) / channels * channels};
    for (auto* each :
         {&lanes_.mean, &lanes_.factor, &lanes_.shift, &lanes_.sums, &lanes_.more_sums})
      each->resize(sizes_.wide);
    deviation_.resize(channels);
    batch_.first.resize(channels), batch_.second.resize(channels);
    gradient_.first.resize(channels), gradient_.second.resize(channels);
  }

  void forward(const forward_pass& pass) override {
    const float* x = pass.x[0].in().data();
    if (mode_ == pass_mode::training)
      take_statistics(x);
    else
      read_statistics(pass.x);
    for (std::size_t c = 0; c < sizes_.channels; ++c) {
      deviation_[c] = std::sqrt(batch_.second[c] + epsilon_);
      lanes_.mean[c] = static_cast<float>(batch_.first[c]);
      lanes_.factor[c] = static_cast<float>(static_cast<double>(pass.x[1].in()[c]) / deviation_[c]);
      lanes_.shift[c] = pass.x[2].in()[c];
    }
    for (auto* each : {&lanes_.mean, &lanes_.factor, &lanes_.shift}) repeat(sizes_, each->data());
    if (is_relu_)
      vectorised<&apply_loop<true>>(&sizes_, x, pass.y.out().data(), &lanes_);
    else
      vectorised<&apply_loop<false>>(&sizes_, x, pass.y.out().data(), &lanes_);
  }

  void backward(const backward_pass& pass) override {
    const float *x = pass.x[0].in().data(), *d = pass.d_y.in().data();
    std::ranges::fill(gradient_.first, 0.0);
    std::ranges::fill(gradient_.second, 0.0);
    if (is_relu_)
      vectorised<&gradient_sums_loop<true>>(&sizes_, x, d, &lanes_, &gradient_);
    else
      vectorised<&gradient_sums_loop<false>>(&sizes_, x, d, &lanes_, &gradient_);
    write_gradients(pass);
    if (pass.d_x[0].empty()) return;
    prepare_input_gradient();
    float* d_x = pass.d_x[0].out().data();
    if (is_relu_)
      vectorised<&input_gradient_loop<true>>(&sizes_, x, d, d_x, &lanes_);
    else
      vectorised<&input_gradient_loop<false>>(&sizes_, x, d, d_x, &lanes_);
  }

private:
  double rows() const { return static_cast<double>(sizes_.elements / sizes_.channels); }

  void take_statistics(const float* x) {
    std::ranges::fill(batch_.first, 0.0);
    std::ranges::fill(batch_.second, 0.0);
    vectorised<&statistics_loop>(&sizes_, x, &lanes_, &batch_);
    for (double& each : batch_.second) each /= rows();
  }

  // Late steps of several workers may have moved a variance below zero.
  void read_statistics(std::span<const view> x) {
    std::ranges::copy(x[3].in(), batch_.first.begin());
    std::ranges::transform(x[4].in(), batch_.second.begin(),
                           [](float each) { return static_cast<double>(std::max(each, 0.0F)); });
  }

  void write_gradients(const backward_pass& pass) const {
    const double unbiased = rows() / std::max(rows() - 1, 1.0);
    const auto write = [&](std::size_t operand, auto&& value) {
      const auto to = pass.d_x[operand].out();
      for (std::size_t c = 0; c < to.size(); ++c) to[c] = static_cast<float>(value(c));
    };
    const auto kept = [&](std::size_t operand, std::size_t c) {
      return static_cast<double>(pass.x[operand].in()[c]);
    };
    write(1, [&](std::size_t c) { return gradient_.second[c] / deviation_[c]; });
    write(2, [&](std::size_t c) { return gradient_.first[c]; });
    write(3, [&](std::size_t c) { return kept(3, c) - batch_.first[c]; });
    write(4, [&](std::size_t c) { return kept(4, c) - batch_.second[c] * unbiased; });
  }

  void prepare_input_gradient() {
    for (std::size_t c = 0; c < sizes_.channels; ++c) {
      const double share = static_cast<double>(lanes_.factor[c]) / rows();
      const double variance = deviation_[c] * deviation_[c];
      lanes_.sums[c] = static_cast<float>(-share * gradient_.first[c]);
      lanes_.more_sums[c] = static_cast<float>(-share * gradient_.second[c] / variance);
    }
    repeat(sizes_, lanes_.sums.data());
    repeat(sizes_, lanes_.more_sums.data());
  }

  pass_mode mode_;
  double epsilon_;
  bool is_relu_;
  batch_sizes sizes_{};
  lanes_of_channels lanes_;
  std::vector<double> deviation_;
  sums_of_channels batch_;    ///< mean and variance
  sums_of_channels gradient_; ///< of d_y, and of d_y (x - mean)
};

} // namespace

variable batch_norm(const variable& x, const variable& scale, const variable& shift,
                    const running_statistics& kept, const batch_norm_options& options) {
  const auto from = x.extents();
  const auto channels = from.rank() > 1 ? from[from.rank() - 1] : 0;
  for (const auto* each : {&scale, &shift, &kept.mean, &kept.variance})
    LAGRANGE_EXPECT(channels > 0 && from.elements() > 0 && each->elements() == channels,
                    "a batch norm of " + to_string(from) + " with " + to_string(each->extents()));
  LAGRANGE_EXPECT(options.epsilon > 0, "an epsilon of " + std::to_string(options.epsilon));
  return x.on().record({"batch_norm", {options.epsilon, static_cast<double>(options.after)}},
                       {x, scale, shift, kept.mean, kept.variance}, from,
                       [](const operation_site& at) {
                         return std::unique_ptr<operation>(new batch_norm_operation(at));
                       });
}

} // namespace lagrange::ops
