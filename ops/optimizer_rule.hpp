/// \file
/// An optimizer from a rule: a loop that steps each element by its own gradient and state alone.
/// The rule says what the state is called and what is constant in a step; checking, the state, and
/// the ways through memory (a part, or rows of a table) are the same for all and stand here.
#pragma once

#include "ops/contract.hpp"
#include "ops/optimizer.hpp"
#include "ops/vectorised.hpp"

#include <array>
#include <utility>

namespace lagrange::ops {

/// What a step is made at.
struct step_facts {
  float rate;   ///< of this step
  double count; ///< of this step, from 1
};

/// As Adam, Kingma and Ba, corrects its moments.
struct bias_correction {
  float rate;        ///< over the first moment's bias correction
  float second_root; ///< one over the root of the second moment's bias correction
};
bias_correction correct_bias(const optimizer_options& options, step_facts at);

/// Rows of a table, as a loop walks them. A row is fetched while those before it are stepped,
/// because where the next one lies no processor can guess.
struct row_walk {
  const std::uint32_t* rows;
  std::size_t count, width;
  const float* gradient;
  static constexpr std::size_t ahead = 8;
  static constexpr std::size_t line = 16; ///< floats
};

template <class Rule, class... State>
inline void step_each_row(row_walk walk, typename Rule::constants by, float scale, float* p,
                          State... state) {
  for (std::size_t i = 0; i < walk.count; ++i) {
    if (i + row_walk::ahead < walk.count) {
      const auto next = walk.rows[i + row_walk::ahead] * walk.width;
      for (std::size_t at = 0; at < walk.width; at += row_walk::line) {
        __builtin_prefetch(p + next + at, 1);
        (__builtin_prefetch(state + next + at, 1), ...);
      }
    }
    const auto at = walk.rows[i] * walk.width;
    Rule::step(by, scale, walk.gradient + i * walk.width, walk.width, p + at, (state + at)...);
  }
}

/// A rule has `state_names`, `counts_steps` (whether the count of steps is state), `constants`,
/// `at(options, facts)` which makes them, `rests(options)`, and `step(constants, scale, gradient,
/// count, parameters, state...)`, the loop, with a pointer for each name.
template <class Rule>
class optimizer_by_rule final : public optimizer {
public:
  optimizer_by_rule(std::size_t elements, const optimizer_options& options)
      : elements_(elements), options_(options) {
    check(options);
    for (auto& values : state_) values.assign(elements, 0.0F);
  }

  void begin_step(float rate_factor) override {
    steps_ += 1;
    by_ = Rule::at(options_, {options_.rate * rate_factor, steps_});
  }

  void step_part(std::size_t first, std::span<float> parameters, std::span<const float> gradient,
                 float gradient_scale) override {
    check_part(first, parameters.size(), gradient.size(), elements_);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      vectorised<&Rule::step>(by_, gradient_scale, gradient.data(), gradient.size(),
                              parameters.data(), (state_[K].data() + first)...);
    }
    (every_state());
  }

  void step_rows(std::size_t first, std::span<float> table, const row_gradient& gradient,
                 float gradient_scale) override {
    check_part(first, table.size(), table.size(), elements_);
    check_rows(table.size(), gradient);
    const row_walk walk{gradient.rows.data(), gradient.rows.size(), gradient.width,
                        gradient.values.data()};
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      vectorised<&step_each_row<Rule, state_pointer<K>...>>(walk, by_, gradient_scale, table.data(),
                                                            (state_[K].data() + first)...);
    }
    (every_state());
  }

  bool rests_at_zero() const override { return Rule::rests(options_); }

  std::vector<optimizer_state> state() override {
    std::vector<optimizer_state> all;
    for (std::size_t i = 0; i < state_.size(); ++i)
      all.push_back({Rule::state_names[i], state_[i]});
    if (Rule::counts_steps) all.push_back({"steps", {&steps_, 1}});
    return all;
  }

private:
  template <std::size_t>
  using state_pointer = float*;
  static constexpr auto every_state() {
    return std::make_index_sequence<Rule::state_names.size()>();
  }

  std::size_t elements_;
  optimizer_options options_;
  typename Rule::constants by_{};
  std::array<std::vector<float>, Rule::state_names.size()> state_;
  // A float, so that state is floats alone. Exact up to 2^24 and then constant: for betas of up to
  // 1 - 1e-6 both of adam's bias corrections are 1 by then.
  float steps_ = 0;
};

} // namespace lagrange::ops
