#include "ops/layers.hpp"

#include <cmath>
#include <stdexcept>

namespace lagrange::ops {

namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

// Of a table: a standard deviation of 0.02.
const initialiser table_start{initialiser::kind_type::uniform, 0.02F * std::sqrt(3.0F)};

class embedding_layer final : public layer {
public:
  embedding_layer(std::int64_t rows, std::int64_t width) : rows_(rows), width_(width) {}

  shape build(parameter_list& into, const shape& sample) override {
    if (rows_ < 1 || width_ < 1 || sample.elements() < 1 || sample.rank() + 2 > shape::rank_max)
      refuse("an embedding of " + std::to_string(rows_) + " rows and " + std::to_string(width_) +
             " columns for " + to_string(sample) +
             ": each needs at least one, and samples have at most " +
             std::to_string(shape::rank_max - 2) + " extents");
    weight_ = into.add("weight", {rows_, width_}, table_start);
    std::array<std::int64_t, shape::rank_max> extents{};
    std::ranges::copy(sample.extents(), extents.begin());
    extents[sample.rank()] = width_;
    return shape(std::span(extents).first(sample.rank() + 1));
  }
  variable apply(parameter_values parameters, const variable& x) override {
    return ops::embedding(parameters[weight_], x);
  }

private:
  std::int64_t rows_, width_;
  std::size_t weight_ = 0;
};

void check_sequence(const shape& sample, const std::string& of) {
  if (sample.rank() == 2 && sample.elements() > 0) return;
  refuse(of + " needs sequences [T, W] that are not empty, not " + to_string(sample));
}

class positions_layer final : public layer {
public:
  explicit positions_layer(std::int64_t length) : length_(length) {}

  shape build(parameter_list& into, const shape& sample) override {
    check_sequence(sample, "a layer of positions");
    const auto length = length_ == 0 ? sample[0] : length_;
    if (length < sample[0])
      refuse("positions for sequences of at most " + std::to_string(length) +
             " places where samples are " + to_string(sample) + ": a length of at least " +
             std::to_string(sample[0]) + " is needed");
    weight_ = into.add("weight", {length, sample[1]}, table_start);
    return sample;
  }
  variable apply(parameter_values parameters, const variable& x) override {
    return add_positions(x, parameters[weight_]);
  }

private:
  std::int64_t length_;
  std::size_t weight_ = 0;
};

class attention_layer final : public layer {
public:
  attention_layer(std::int64_t heads, attention_mask mask) : heads_(heads), mask_(mask) {}

  shape build(parameter_list& into, const shape& sample) override {
    check_sequence(sample, "attention");
    const auto width = sample[1];
    if (heads_ < 1 || width % heads_ != 0)
      refuse("attention of " + std::to_string(heads_) +
             " heads needs a width that they divide, not " + std::to_string(width));
    const initialiser start{initialiser::kind_type::uniform,
                            1 / std::sqrt(static_cast<float>(width))};
    first_ = into.add("qkv.weight", {width, 3 * width}, start);
    into.add("qkv.bias", {3 * width}, start);
    into.add("out.weight", {width, width}, start);
    into.add("out.bias", {width}, start);
    return sample;
  }
  variable apply(parameter_values parameters, const variable& x) override {
    const auto mine = parameters.subspan(first_);
    const auto y = attention(ops::linear(x, mine[0], mine[1]), heads_, mask_);
    return ops::linear(y, mine[2], mine[3]);
  }

private:
  std::int64_t heads_;
  attention_mask mask_;
  std::size_t first_ = 0; ///< of four parameters
};

} // namespace

std::unique_ptr<layer> embedding(std::int64_t rows, std::int64_t width) {
  return std::make_unique<embedding_layer>(rows, width);
}

std::unique_ptr<layer> positions(std::int64_t length) {
  return std::make_unique<positions_layer>(length);
}

std::unique_ptr<layer> multi_head_attention(std::int64_t heads, attention_mask mask) {
  return std::make_unique<attention_layer>(heads, mask);
}

} // namespace lagrange::ops
