#include "ops/elementwise.hpp"
#include "ops/functions.hpp"
#include "ops/half_operation.hpp"
#include "ops/weight_order.hpp"

#include <optional>

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

layouts describe(const operation_site& at, const window& how) {
  const auto &x = at.x[0], &y = at.y;
  const auto channels = x[3] / how.groups, outputs = y[3] / how.groups;
  dnnl::memory::dims weight{outputs, channels, how.side, how.side};
  if (how.groups > 1) weight.insert(weight.begin(), how.groups);
  return {.x = {{x[0], x[3], x[1], x[2]}, f32, tag::nhwc},
          .weight = {weight, f32, tag::any},
          .weight_plain = {weight, f32, how.groups > 1 ? tag::hwigo : tag::hwio},
          .bias = at.x.size() == 3 ? memory_desc{{y[3]}, f32, tag::a} : memory_desc{},
          .y = {{y[0], y[3], y[1], y[2]}, f32, tag::nhwc},
          .stride = {how.stride, how.stride},
          .padding = {how.padding, how.padding}};
}

// A primitive and the order it wants its weights in.
struct step {
  kept_primitive primitive;
  weight_order weight;
};

// Operands: x, w, and b if there is one.
class convolution_operation final : public operation {
public:
  convolution_operation(const layouts& how, activation after)
      : engine_(dnnl::engine::kind::cpu, 0), how_(how), after_(after),
        has_bias_(!how.bias.is_zero()),
        forward_desc_(make_forward_desc()), forward_{make_forward(),
                                                     {how.weight_plain,
                                                      forward_desc_.weights_desc(), engine_}} {}

  void forward(const forward_pass& pass) override {
    const auto* weight = forward_.weight.read(pass.x[1].data);
    if (has_bias_)
      forward_.primitive.run({pass.x[0].data, weight, pass.y.data, pass.x[2].data});
    else
      forward_.primitive.run({pass.x[0].data, weight, pass.y.data});
  }

  void backward(const backward_pass& pass) override {
    if (after_ == activation::relu) relu_backward(pass.y.in(), pass.d_y.out());
    if (!pass.d_x[1].empty()) backward_weight(pass);
    if (pass.d_x[0].empty()) return;
    if (!d_x_) d_x_.emplace(make_d_x());
    d_x_->primitive.run({pass.d_y.data, d_x_->weight.read(pass.x[1].data), pass.d_x[0].data});
  }

private:
  void backward_weight(const backward_pass& pass) {
    if (!d_weight_) d_weight_.emplace(make_d_weight());
    void* target = d_weight_->weight.target(pass.d_x[1].data);
    if (has_bias_)
      d_weight_->primitive.run({pass.x[0].data, pass.d_y.data, target, pass.d_x[2].data});
    else
      d_weight_->primitive.run({pass.x[0].data, pass.d_y.data, target});
    d_weight_->weight.taken(pass.d_x[1].data);
  }

  dnnl::convolution_forward::primitive_desc make_forward_desc() const {
    auto attributes = kept_primitive::attributes();
    if (after_ == activation::relu) {
      dnnl::post_ops last;
      last.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
      attributes.set_post_ops(last);
    }
    return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, how_.x,
             how_.weight, how_.bias, how_.y, how_.stride, how_.padding, how_.padding},
            attributes,
            engine_};
  }

  kept_primitive make_forward() const {
    std::vector<kept_primitive::argument> arguments{
        {DNNL_ARG_SRC, how_.x},
        {DNNL_ARG_WEIGHTS, forward_desc_.weights_desc()},
        {DNNL_ARG_DST, how_.y}};
    if (has_bias_) arguments.push_back({DNNL_ARG_BIAS, how_.bias});
    return {dnnl::convolution_forward(forward_desc_), engine_, forward_desc_.scratchpad_desc(),
            arguments};
  }

  step make_d_weight() const {
    const dnnl::convolution_backward_weights::primitive_desc chosen(
        {dnnl::algorithm::convolution_direct, how_.x, how_.weight, how_.bias, how_.y, how_.stride,
         how_.padding, how_.padding},
        kept_primitive::attributes(), engine_, forward_desc_);
    std::vector<kept_primitive::argument> arguments{
        {DNNL_ARG_SRC, how_.x},
        {DNNL_ARG_DIFF_DST, how_.y},
        {DNNL_ARG_DIFF_WEIGHTS, chosen.diff_weights_desc()}};
    if (has_bias_) arguments.push_back({DNNL_ARG_DIFF_BIAS, how_.bias});
    return {
        {dnnl::convolution_backward_weights(chosen), engine_, chosen.scratchpad_desc(), arguments},
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
  activation after_;
  bool has_bias_;
  dnnl::convolution_forward::primitive_desc forward_desc_;
  step forward_;
  // Made when first wanted: evaluation needs neither, a first layer only one.
  std::optional<step> d_weight_, d_x_;
};

// Everything that is made is known to oneDNN's kernels, or refused by name.
std::unique_ptr<operation> make(const operation_site& at) {
  const auto number = [&](std::size_t i) { return static_cast<std::int64_t>(at.key.numbers[i]); };
  const window how{number(0), number(1), number(2), number(3)};
  if (auto made = convolution_in_half(at, how, static_cast<activation>(number(4)))) return made;
  try {
    return std::make_unique<convolution_operation>(describe(at, how),
                                                   static_cast<activation>(number(4)));
  } catch (const dnnl::error& found) {
    throw device_error("oneDNN cannot compute a convolution of " + to_string(at.x[0]) + " with " +
                       to_string(at.x[1]) + ": " + found.what());
  }
}

operation_key key_of(const window& how, activation after) {
  return {"convolution",
          {static_cast<double>(how.side), static_cast<double>(how.stride),
           static_cast<double>(how.padding), static_cast<double>(how.groups),
           static_cast<double>(after)}};
}

shape result_of(const variable& x, const variable& w, const window& how) {
  const auto &from = x.extents(), &weight = w.extents();
  LAGRANGE_EXPECT(from.rank() == 4 && weight.rank() == 4 && weight[0] == how.side &&
                      weight[1] == how.side && weight[2] * how.groups == from[3] &&
                      weight[3] % how.groups == 0 && how.steps(from[1]) >= 1 &&
                      how.steps(from[2]) >= 1,
                  "a convolution of " + to_string(from) + " with " + to_string(weight));
  return {from[0], how.steps(from[1]), how.steps(from[2]), weight[3]};
}

} // namespace

variable convolution(const variable& x, const variable& w, const variable& b, const window& how,
                     activation after) {
  LAGRANGE_EXPECT(b.elements() == w.extents()[3], "a bias of " + to_string(b.extents()));
  return x.on().record(key_of(how, after), {x, w, b}, result_of(x, w, how), &make);
}

variable convolution(const variable& x, const variable& w, const window& how) {
  return x.on().record(key_of(how, activation::none), {x, w}, result_of(x, w, how), &make);
}

} // namespace lagrange::ops
