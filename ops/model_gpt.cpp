#include "ops/layers.hpp"
#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <cmath>
#include <stdexcept>

namespace lagrange::ops {

namespace {

initialiser uniform_for(std::int64_t inputs) {
  return {initialiser::kind_type::uniform, 1 / std::sqrt(static_cast<float>(inputs))};
}

// x + f(norm(x)) with f attention, then with f two linear layers; training drops a share of f.
class gpt_block final : public layer {
public:
  gpt_block(std::int64_t heads, float dropped)
      : attention_(multi_head_attention(heads, attention_mask::causal)), dropped_(dropped) {}

  shape build(parameter_list& into, const shape& sample) override {
    const auto width = sample[1], inner = inner_ratio * width;
    norm1_ = add_norm(into, "norm1", width);
    auto inside = into.within("attention");
    attention_->build(inside, sample);
    norm2_ = add_norm(into, "norm2", width);
    up_ = into.add("up.weight", {width, inner}, uniform_for(width));
    into.add("up.bias", {inner}, uniform_for(width));
    down_ = into.add("down.weight", {inner, width}, uniform_for(inner));
    into.add("down.bias", {width}, uniform_for(inner));
    return sample;
  }

  variable apply(parameter_values of, const variable& x) override {
    const auto seen = attention_->apply(of, ops::layer_norm(x, of[norm1_], of[norm1_ + 1]));
    const auto mixed = add(x, ops::dropout(seen, dropped_));
    const auto inner = ops::gelu(
        ops::linear(ops::layer_norm(mixed, of[norm2_], of[norm2_ + 1]), of[up_], of[up_ + 1]));
    return add(mixed, ops::dropout(ops::linear(inner, of[down_], of[down_ + 1]), dropped_));
  }

  static std::size_t add_norm(parameter_list& into, const std::string& name, std::int64_t width) {
    const auto first = into.add(name + ".scale", {width}, {initialiser::kind_type::ones, 0});
    into.add(name + ".shift", {width}, {});
    return first;
  }

private:
  static constexpr std::int64_t inner_ratio = 4;
  std::unique_ptr<layer> attention_;
  float dropped_;                                         ///< a share
  std::size_t norm1_ = 0, norm2_ = 0, up_ = 0, down_ = 0; ///< the first of two each
};

// A norm, then one logit per symbol.
class gpt_head final : public layer {
public:
  explicit gpt_head(std::int64_t symbols) : symbols_(symbols) {}

  shape build(parameter_list& into, const shape& sample) override {
    norm_ = gpt_block::add_norm(into, "norm", sample[1]);
    weight_ = into.add("weight", {sample[1], symbols_}, uniform_for(sample[1]));
    return {sample[0], symbols_};
  }
  variable apply(parameter_values of, const variable& x) override {
    return ops::linear(ops::layer_norm(x, of[norm_], of[norm_ + 1]), of[weight_]);
  }

private:
  std::int64_t symbols_;
  std::size_t norm_ = 0, weight_ = 0;
};

} // namespace

std::unique_ptr<network> make_gpt(const model_input& input, const model_settings& settings) {
  const auto symbols = input.fields[0];
  if (symbols < 2 || input.extents.rank() != 1 || input.extents[0] < 1)
    throw std::invalid_argument(
        "model gpt needs sequences [T] of tokens of at least 2 kinds, not " +
        to_string(input.extents) + " of " + std::to_string(symbols));
  const auto length = input.extents[0], context = settings.count("context");
  if (context != 0 && context < length)
    throw std::invalid_argument("model gpt needs a context of at least the " +
                                std::to_string(length) + " tokens that a sample has, not " +
                                std::to_string(context));
  const auto dropped = static_cast<float>(settings.number("dropout"));
  auto body = std::make_unique<sequential>();
  body->add("tokens", embedding(symbols, settings.count("width")))
      .add("positions", positions(context))
      .add("dropout", dropout(dropped));
  for (std::int64_t i = 0; i < settings.count("layers"); ++i)
    body->add("block" + std::to_string(i + 1),
              std::make_unique<gpt_block>(settings.count("heads"), dropped));
  body->add("head", std::make_unique<gpt_head>(symbols));
  return make_classifier(std::move(body), input.extents);
}

} // namespace lagrange::ops
