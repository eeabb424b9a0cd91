#include "ops/elementwise.hpp"
#include "ops/layers.hpp"
#include "ops/primitive.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace lagrange::ops {

namespace {

using memory_desc = dnnl::memory::desc;
using tag = dnnl::memory::format_tag;
constexpr auto f32 = dnnl::memory::data_type::f32;

// How one convolution looks to oneDNN: images as they are, weights in whatever order is fastest.
struct layouts {
  memory_desc x, weight, weight_plain, bias, y;
  dnnl::memory::dims stride, padding;
};

layouts describe(const shape& in, const shape& out, const convolution_options& options,
                 std::int64_t batch) {
  const auto [outputs, kernel, stride, padding, after] = options;
  const dnnl::memory::dims weight{outputs, in[2], kernel, kernel};
  return {.x = {{batch, in[2], in[0], in[1]}, f32, tag::nhwc},
          .weight = {weight, f32, tag::any},
          .weight_plain = {weight, f32, tag::hwio},
          .bias = {{outputs}, f32, tag::a},
          .y = {{batch, outputs, out[0], out[1]}, f32, tag::nhwc},
          .stride = {stride, stride},
          .padding = {padding, padding}};
}

// Weights between the order of parameters and the order a primitive chose for itself.
class weight_order {
public:
  weight_order(const memory_desc& from, const memory_desc& to, const dnnl::engine& engine) {
    if (from == to) return;
    const dnnl::reorder::primitive_desc chosen(engine, from, engine, to,
                                               kept_primitive::attributes());
    reorder_.emplace(kept_primitive(dnnl::reorder(chosen), engine, chosen.scratchpad_desc(),
                                    {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}));
    own_ = std::make_unique<buffer>(std::max(from.get_size(), to.get_size()));
  }
  // What a primitive reads for these parameters.
  const void* read(std::span<const float> plain) {
    if (!reorder_) return plain.data();
    reorder_->run({plain.data(), own_->data()});
    return own_->data();
  }
  // Where a primitive writes, so that taken() can bring it to `plain`.
  void* target(std::span<float> plain) {
    return reorder_ ? static_cast<void*>(own_->data()) : plain.data();
  }
  void taken(std::span<float> plain) {
    if (reorder_) reorder_->run({own_->data(), plain.data()});
  }

private:
  std::optional<kept_primitive> reorder_;
  std::unique_ptr<buffer> own_;
};

// A primitive and the order it wants its weights in.
struct step {
  kept_primitive primitive;
  weight_order weight;
};

// The primitives for one batch size.
class convolution_plan {
public:
  explicit convolution_plan(const layouts& how, activation after)
      : engine_(dnnl::engine::kind::cpu, 0), how_(how), forward_desc_(make_forward_desc(after)),
        forward_{{dnnl::convolution_forward(forward_desc_),
                  engine_,
                  forward_desc_.scratchpad_desc(),
                  {{DNNL_ARG_SRC, how.x},
                   {DNNL_ARG_WEIGHTS, forward_desc_.weights_desc()},
                   {DNNL_ARG_BIAS, how.bias},
                   {DNNL_ARG_DST, how.y}}},
                 {how.weight_plain, forward_desc_.weights_desc(), engine_}} {}

  void forward(const forward_pass& pass, std::span<const float> weight,
               std::span<const float> bias) {
    forward_.primitive.run(
        {pass.x.data(), forward_.weight.read(weight), bias.data(), pass.y.data()});
  }

  void backward_weight(const backward_pass& pass, std::span<float> d_weight,
                       std::span<float> d_bias) {
    if (!d_weight_) d_weight_.emplace(make_d_weight());
    d_weight_->primitive.run(
        {pass.x.data(), pass.d_y.data(), d_weight_->weight.target(d_weight), d_bias.data()});
    d_weight_->weight.taken(d_weight);
  }

  void backward_x(const backward_pass& pass, std::span<const float> weight) {
    if (!d_x_) d_x_.emplace(make_d_x());
    d_x_->primitive.run({pass.d_y.data(), d_x_->weight.read(weight), pass.d_x.data()});
  }

private:
  dnnl::convolution_forward::primitive_desc make_forward_desc(activation after) const {
    auto attributes = kept_primitive::attributes();
    if (after == activation::relu) {
      dnnl::post_ops last;
      last.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
      attributes.set_post_ops(last);
    }
    return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, how_.x,
             how_.weight, how_.bias, how_.y, how_.stride, how_.padding, how_.padding},
            attributes,
            engine_};
  }

  step make_d_weight() const {
    const dnnl::convolution_backward_weights::primitive_desc chosen(
        {dnnl::algorithm::convolution_direct, how_.x, how_.weight, how_.bias, how_.y, how_.stride,
         how_.padding, how_.padding},
        kept_primitive::attributes(), engine_, forward_desc_);
    return {{dnnl::convolution_backward_weights(chosen),
             engine_,
             chosen.scratchpad_desc(),
             {{DNNL_ARG_SRC, how_.x},
              {DNNL_ARG_DIFF_DST, how_.y},
              {DNNL_ARG_DIFF_WEIGHTS, chosen.diff_weights_desc()},
              {DNNL_ARG_DIFF_BIAS, how_.bias}}},
            {chosen.diff_weights_desc(), how_.weight_plain, engine_}};
  }

  step make_d_x() const {
    const dnnl::convolution_backward_data::primitive_desc chosen(
        {dnnl::algorithm::convolution_direct, how_.x, how_.weight, how_.y, how_.stride,
         how_.padding, how_.padding},
        kept_primitive::attributes(), engine_, forward_desc_);
    return {{dnnl::convolution_backward_data(chosen),
             engine_,
             chosen.scratchpad_desc(),
             {{DNNL_ARG_DIFF_DST, how_.y},
              {DNNL_ARG_WEIGHTS, chosen.weights_desc()},
              {DNNL_ARG_DIFF_SRC, how_.x}}},
            {how_.weight_plain, chosen.weights_desc(), engine_}};
  }

  dnnl::engine engine_;
  layouts how_;
  dnnl::convolution_forward::primitive_desc forward_desc_;
  step forward_;
  // Made when first wanted: evaluation needs neither, a first layer only one.
  std::optional<step> d_weight_, d_x_;
};

class convolution_layer final : public layer {
public:
  convolution_layer(const shape& sample, const convolution_options& options)
      : input_(sample), output_{side(sample[0], options), side(sample[1], options),
                                options.outputs},
        options_(options) {
    const auto window = options.kernel * options.kernel * sample[2];
    const initialiser start{initialiser::kind_type::uniform,
                            1 / std::sqrt(static_cast<float>(window))};
    parameters_ = {parameter_spec{"weight",
                                  {options.kernel, options.kernel, sample[2], options.outputs},
                                  start},
                   parameter_spec{"bias", {options.outputs}, start}};
  }

  static std::int64_t side(std::int64_t pixels, const convolution_options& options) {
    return (pixels + 2 * options.padding - options.kernel) / options.stride + 1;
  }

  std::span<const parameter_spec> parameters() const override { return parameters_; }
  const shape& input() const override { return input_; }
  const shape& output() const override { return output_; }

  void forward(const forward_pass& pass) override {
    plan(pass.batch).forward(pass, weight(pass.parameters), bias(pass.parameters));
  }

  void backward(const backward_pass& pass) override {
    auto& made = plan(pass.batch);
    if (options_.after == activation::relu) relu_backward(pass.y, pass.d_y);
    made.backward_weight(pass, weight(pass.d_parameters), bias(pass.d_parameters));
    if (!pass.d_x.empty()) made.backward_x(pass, weight(pass.parameters));
  }

private:
  convolution_plan& plan(std::int64_t batch) {
    return plans_.at(batch, [&] {
      return std::make_unique<convolution_plan>(describe(input_, output_, options_, batch),
                                                options_.after);
    });
  }

  template <class T>
  std::span<T> weight(std::span<T> flat) const {
    return flat.first(flat.size() - static_cast<std::size_t>(options_.outputs));
  }
  template <class T>
  std::span<T> bias(std::span<T> flat) const {
    return flat.last(static_cast<std::size_t>(options_.outputs));
  }

  shape input_, output_;
  convolution_options options_;
  std::array<parameter_spec, 2> parameters_;
  plan_cache<convolution_plan> plans_;
};

} // namespace

std::unique_ptr<layer> convolution(const shape& sample, const convolution_options& options) {
  if (options.outputs < 1 || options.kernel < 1 || options.stride < 1 || options.padding < 0)
    throw std::invalid_argument("a convolution needs at least one output, a kernel and a stride of "
                                "at least 1, and a padding of at least 0");
  const auto pixels_min = options.kernel - 2 * options.padding;
  if (sample.rank() != 3 || sample.elements() == 0 || sample[0] < pixels_min ||
      sample[1] < pixels_min)
    throw std::invalid_argument("a convolution with a kernel of " + std::to_string(options.kernel) +
                                " and a padding of " + std::to_string(options.padding) +
                                " needs images [H, W, C] of at least " +
                                std::to_string(std::max<std::int64_t>(pixels_min, 1)) +
                                " pixels a side, not " + to_string(sample));
  return std::make_unique<convolution_layer>(sample, options);
}

} // namespace lagrange::ops
