#include "ops/half_kernels.hpp"

#include "ops/half.hpp"
#include "ops/weight_order.hpp"

#include <string_view>

namespace lagrange::ops {

namespace {

using memory_desc = dnnl::memory::desc;
using data_type = dnnl::memory::data_type;
using tag = dnnl::memory::format_tag;

data_type type_of(dtype type) {
  if (type == dtype::f32) return data_type::f32;
  LAGRANGE_EXPECT(is_half(type), "a kernel for " + std::string(name(type)));
  return type == dtype::f16 ? data_type::f16 : data_type::bf16;
}

// Below AVX-512 BF16 oneDNN emulates bf16.
bool has_half_products(half_products which) {
  const auto least =
      static_cast<unsigned>(which == half_products::all ? dnnl::cpu_isa::avx512_core_bf16
                                                        : dnnl::cpu_isa::avx512_core_amx);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & least) == least;
}

template <class Chosen>
bool is_loop(const Chosen& chosen) {
  return std::string_view(chosen.impl_info_str()).starts_with("ref");
}

dnnl::primitive_attr attributes(activation after) {
  auto made = kept_primitive::attributes();
  if (after == activation::relu) {
    dnnl::post_ops last;
    last.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    made.set_post_ops(last);
  }
  return made;
}

class product_kernel final : public half_kernel {
public:
  explicit product_kernel(kept_primitive kept) : kept_(std::move(kept)) {}
  void run(std::initializer_list<const void*> data) override { kept_.run(data); }

private:
  kept_primitive kept_;
};

std::unique_ptr<half_kernel> make_product(const half_product& what, const dnnl::engine& engine) {
  const auto matrix = [](std::int64_t rows, std::int64_t columns, operand how, dtype type) {
    return memory_desc({rows, columns}, type_of(type), how == operand::plain ? tag::ab : tag::ba);
  };
  const auto [rows, inner, columns] = what.sizes;
  const auto a = matrix(rows, inner, what.how.a, what.type);
  const auto b = matrix(inner, columns, what.how.b, what.type);
  const auto y = matrix(rows, columns, operand::plain, what.result);
  const auto bias = matrix(1, columns, operand::plain, dtype::f32);
  const bool is_biased = what.how.bias == product_options::bias_type::row;
  const dnnl::matmul::primitive_desc chosen(is_biased ? dnnl::matmul::desc(a, b, bias, y)
                                                      : dnnl::matmul::desc(a, b, y),
                                            attributes(what.how.after), engine);
  if (is_loop(chosen)) return nullptr;
  std::vector<kept_primitive::argument> arguments{
      {DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, y}};
  if (is_biased) arguments.push_back({DNNL_ARG_BIAS, bias});
  return std::make_unique<product_kernel>(
      kept_primitive(dnnl::matmul(chosen), engine, chosen.scratchpad_desc(), arguments));
}

// The weight, second of the memories, is read in the order that is fastest.
class convolution_kernel final : public half_kernel {
public:
  convolution_kernel(kept_primitive kept, weight_order order)
      : kept_(std::move(kept)), order_(std::move(order)) {}
  void run(std::initializer_list<const void*> data) override {
    const auto* given = data.begin();
    const void* weight = order_.read(given[1]);
    if (data.size() == 4) return kept_.run({given[0], weight, given[2], given[3]});
    kept_.run({given[0], weight, given[2]});
  }

private:
  kept_primitive kept_;
  weight_order order_;
};

// Its gradient, the third, is written so.
class weight_kernel final : public half_kernel {
public:
  weight_kernel(kept_primitive kept, weight_order order)
      : kept_(std::move(kept)), order_(std::move(order)) {}
  void run(std::initializer_list<const void*> data) override {
    const auto* given = data.begin();
    auto* plain = const_cast<void*>(given[2]); // it is the one that is written
    kept_.run({given[0], given[1], order_.target(plain)});
    order_.taken(plain);
  }

private:
  kept_primitive kept_;
  weight_order order_;
};

class convolution_maker {
public:
  convolution_maker(const half_convolution& what, const dnnl::engine& engine)
      : what_(what), engine_(engine), weight_{what.y[3], what.x[3] / what.how.groups, what.how.side,
                                              what.how.side},
        x_(image(what.x)),
        y_(image(what.y)), stride_{what.how.stride, what.how.stride}, padding_{what.how.padding,
                                                                               what.how.padding},
        forward_(make_forward_desc()) {}

  std::unique_ptr<half_kernel> forward() const {
    if (is_loop(forward_)) return nullptr;
    std::vector<kept_primitive::argument> arguments{
        {DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, forward_.weights_desc()}, {DNNL_ARG_DST, y_}};
    if (is_biased()) arguments.push_back({DNNL_ARG_BIAS, bias()});
    return std::make_unique<convolution_kernel>(
        kept(dnnl::convolution_forward(forward_), forward_.scratchpad_desc(), arguments),
        weight_order(plain(what_.type), forward_.weights_desc(), engine_));
  }

  std::unique_ptr<half_kernel> weight() const {
    const dnnl::convolution_backward_weights::primitive_desc chosen(
        {dnnl::algorithm::convolution_direct, x_, any(dtype::f32), y_, stride_, padding_, padding_},
        kept_primitive::attributes(), engine_, forward_);
    if (is_loop(chosen)) return nullptr;
    const auto made = chosen.diff_weights_desc();
    return std::make_unique<weight_kernel>(
        kept(dnnl::convolution_backward_weights(chosen), chosen.scratchpad_desc(),
             {{DNNL_ARG_SRC, x_}, {DNNL_ARG_DIFF_DST, y_}, {DNNL_ARG_DIFF_WEIGHTS, made}}),
        weight_order(made, plain(dtype::f32), engine_));
  }

  std::unique_ptr<half_kernel> input() const {
    const dnnl::convolution_backward_data::primitive_desc chosen(
        {dnnl::algorithm::convolution_direct, x_, any(what_.type), y_, stride_, padding_, padding_},
        kept_primitive::attributes(), engine_, forward_);
    if (is_loop(chosen)) return nullptr;
    const auto read = chosen.weights_desc();
    return std::make_unique<convolution_kernel>(
        kept(dnnl::convolution_backward_data(chosen), chosen.scratchpad_desc(),
             {{DNNL_ARG_DIFF_DST, y_}, {DNNL_ARG_WEIGHTS, read}, {DNNL_ARG_DIFF_SRC, x_}}),
        weight_order(plain(what_.type), read, engine_));
  }

private:
  bool is_biased() const { return what_.bias == product_options::bias_type::row; }
  memory_desc image(const shape& of) const {
    return {{of[0], of[3], of[1], of[2]}, type_of(what_.type), tag::nhwc};
  }
  memory_desc bias() const {
    return is_biased() ? memory_desc({what_.y[3]}, data_type::f32, tag::a) : memory_desc();
  }
  memory_desc of_weight(dtype type, tag plain, tag grouped) const {
    const auto groups = what_.how.groups;
    if (groups == 1) return {weight_, type_of(type), plain};
    return {
        {groups, weight_[0] / groups, weight_[1], weight_[2], weight_[3]}, type_of(type), grouped};
  }
  memory_desc any(dtype type) const { return of_weight(type, tag::any, tag::any); }
  memory_desc plain(dtype type) const { return of_weight(type, tag::hwio, tag::hwigo); }

  dnnl::convolution_forward::primitive_desc make_forward_desc() const {
    return {{dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, x_,
             any(what_.type), bias(), y_, stride_, padding_, padding_},
            attributes(what_.after),
            engine_};
  }
  kept_primitive kept(dnnl::primitive primitive, const memory_desc& scratchpad,
                      const std::vector<kept_primitive::argument>& arguments) const {
    return {std::move(primitive), engine_, scratchpad, arguments};
  }

  half_convolution what_;
  dnnl::engine engine_;
  dnnl::memory::dims weight_; ///< O, C of a group, side, side
  memory_desc x_, y_;
  dnnl::memory::dims stride_, padding_;
  dnnl::convolution_forward::primitive_desc forward_; ///< the others want it as a hint
};

class onednn_kernels final : public half_kernels {
public:
  explicit onednn_kernels(half_products which) : which_(which) {}

  std::unique_ptr<half_kernel> make(const half_product& what) const override {
    return asked(what.type, [&](const auto& engine) { return make_product(what, engine); });
  }

  std::unique_ptr<half_kernel> make(const half_convolution& what) const override {
    using way = half_convolution::way;
    return asked(what.type, [&](const auto& engine) {
      const convolution_maker maker(what, engine);
      if (what.goes == way::forward) return maker.forward();
      return what.goes == way::weight ? maker.weight() : maker.input();
    });
  }

private:
  // Whatever oneDNN refuses, and why, f32 is computed or refused by name.
  template <class Make>
  std::unique_ptr<half_kernel> asked(dtype type, const Make& make) const try {
    if (is_half(type) && !has_half_products(which_)) return nullptr;
    return make(dnnl::engine(dnnl::engine::kind::cpu, 0));
  } catch (const dnnl::error&) {
    return nullptr;
  }

  half_products which_;
};

} // namespace

std::unique_ptr<const half_kernels> onednn_half_kernels(half_products which) {
  return std::make_unique<onednn_kernels>(which);
}

} // namespace lagrange::ops
