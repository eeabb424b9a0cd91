#include "ops/norm.hpp"
#include "ops/optimizer_rule.hpp"
#include "ops/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace lagrange::ops {

namespace {

/// Elements whose squares are one sum: small enough that the direction stays near the processor,
/// and the same for any number of threads, and so the order of the sums.
constexpr std::size_t block_elements = 4096;

struct constants {
  float beta1, beta2, epsilon, weight_decay, rate;
  float first;       ///< one over the first moment's bias correction
  float second_root; ///< one over the root of the second moment's bias correction
};

inline void moments_loop(constants by, float scale, const float* __restrict g, std::size_t count,
                         float* __restrict m, float* __restrict v) {
  for (std::size_t i = 0; i < count; ++i) {
    const float d = scale * g[i];
    m[i] = by.beta1 * m[i] + (1 - by.beta1) * d;
    v[i] = by.beta2 * v[i] + (1 - by.beta2) * (d * d);
  }
}

inline void direction_loop(constants by, std::size_t count, const float* __restrict p,
                           const float* __restrict m, const float* __restrict v,
                           float* __restrict r) {
  for (std::size_t i = 0; i < count; ++i)
    r[i] =
        by.first * m[i] / (std::sqrt(v[i]) * by.second_root + by.epsilon) + by.weight_decay * p[i];
}

inline void apply_loop(float rate, std::size_t count, float* __restrict p,
                       const float* __restrict r) {
  for (std::size_t i = 0; i < count; ++i) p[i] -= rate * r[i];
}

class lamb final : public optimizer {
public:
  lamb(std::size_t elements, const optimizer_options& options)
      : options_(options), first_(elements, 0.0F), second_(elements, 0.0F),
        sums_(elements / block_elements + 1) {
    check(options);
  }

  void begin_step(float rate_factor) override {
    steps_ += 1;
    const auto [first, second_root] = correct_bias(options_, {1, steps_});
    by_ = {.beta1 = options_.beta1,
           .beta2 = options_.beta2,
           .epsilon = options_.epsilon,
           .weight_decay = options_.weight_decay,
           .rate = options_.rate * rate_factor,
           .first = first,
           .second_root = second_root};
  }

  void step_part(std::size_t first, std::span<float> parameters, std::span<const float> gradient,
                 float gradient_scale) override {
    check_part(first, parameters.size(), gradient.size(), first_.size());
    vectorised<&moments_loop>(by_, gradient_scale, gradient.data(), gradient.size(),
                              first_.data() + first, second_.data() + first);
  }

  void end_tensor(std::size_t first, std::span<float> parameters, int threads) override {
    check_part(first, parameters.size(), parameters.size(), first_.size());
    each_block(first, parameters, threads,
               [&](std::size_t block, std::span<float> p, std::span<const float> r) {
                 sums_[block] = {sum_of_squares(p), sum_of_squares(r)};
               });
    squares sum;
    for (std::size_t block = 0; block * block_elements < parameters.size(); ++block) {
      sum.parameters += sums_[block].parameters;
      sum.directions += sums_[block].directions;
    }
    const bool has_ratio = sum.parameters > 0 && sum.directions > 0;
    const double ratio = has_ratio ? std::sqrt(sum.parameters) / std::sqrt(sum.directions) : 1;
    const auto rate = static_cast<float>(by_.rate * ratio);
    each_block(first, parameters, threads,
               [&](std::size_t, std::span<float> p, std::span<const float> r) {
                 vectorised<&apply_loop>(rate, p.size(), p.data(), r.data());
               });
  }

  void step_rows(std::size_t, std::span<float>, const row_gradient&, float) override {
    LAGRANGE_EXPECT(false, "lamb takes whole tensors: it has no step for some rows of one");
  }

  std::vector<optimizer_state> state() override {
    return {{"first_moment", first_}, {"second_moment", second_}, {"steps", {&steps_, 1}}};
  }

private:
  struct squares {
    double parameters = 0, directions = 0;
  };

  /// Calls `work(block, parameters, directions)` for each block of a tensor.
  template <class Work>
  void each_block(std::size_t first, std::span<float> parameters, int threads, const Work& work) {
    const auto part = [&](std::size_t begin, std::size_t count) {
      std::array<float, block_elements> r;
      auto block = (begin + block_elements - 1) / block_elements; // those that begin in the part
      for (; block * block_elements < begin + count; ++block) {
        const auto at = block * block_elements;
        const auto p = parameters.subspan(at, std::min(block_elements, parameters.size() - at));
        vectorised<&direction_loop>(by_, p.size(), p.data(), first_.data() + first + at,
                                    second_.data() + first + at, r.data());
        work(block, p, std::span<const float>(r).first(p.size()));
      }
    };
    in_parts(parameters.size(), threads, std::ref(part));
  }

  optimizer_options options_;
  constants by_{};
  std::vector<float> first_, second_;
  std::vector<squares> sums_; ///< by block of the tensor at hand
  float steps_ = 0;           ///< a float as adam's
};

} // namespace

std::unique_ptr<optimizer> make_lamb(std::size_t elements, const optimizer_options& options) {
  return std::make_unique<lamb>(elements, options);
}

} // namespace lagrange::ops
