#include "ops/product.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

// A call into oneDNN costs as much as about this many multiplications in the loop below.
constexpr std::int64_t plain_products_max = 16 * 16 * 16;

dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, operand how) {
  using tag = dnnl::memory::format_tag;
  return {{rows, columns}, dnnl::memory::data_type::f32, how == operand::plain ? tag::ab : tag::ba};
}

kept_primitive make(const product_sizes& sizes, const product_options& options) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto a = matrix(sizes.rows, sizes.inner, options.a);
  const auto b = matrix(sizes.inner, sizes.columns, options.b);
  const auto bias = matrix(1, sizes.columns, operand::plain);
  const auto y = matrix(sizes.rows, sizes.columns, operand::plain);
  auto attributes = kept_primitive::attributes();
  if (options.after == activation::relu) {
    dnnl::post_ops after;
    after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    attributes.set_post_ops(after);
  }
  const bool biased = options.bias == product_options::bias_type::row;
  const dnnl::matmul::desc what =
      biased ? dnnl::matmul::desc(a, b, bias, y) : dnnl::matmul::desc(a, b, y);
  const dnnl::matmul::primitive_desc chosen(what, attributes, engine);
  const dnnl::matmul primitive(chosen);
  if (biased)
    return {primitive,
            engine,
            chosen.scratchpad_desc(),
            {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, y}, {DNNL_ARG_BIAS, bias}}};
  return {primitive,
          engine,
          chosen.scratchpad_desc(),
          {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, y}}};
}

} // namespace

product::product(const product_sizes& sizes, const product_options& options)
    : sizes_(sizes), options_(options) {
  LAGRANGE_EXPECT(sizes.rows > 0 && sizes.inner > 0 && sizes.columns > 0, "an empty product");
  if (is_loop(sizes)) return;
  try {
    primitive_.emplace(make(sizes, options));
  } catch (const dnnl::error& found) {
    throw device_error("oneDNN cannot compute a product of " + std::to_string(sizes.rows) + "x" +
                       std::to_string(sizes.inner) + "x" + std::to_string(sizes.columns) + ": " +
                       found.what());
  }
}

bool product::is_loop(const product_sizes& sizes) {
  return sizes.rows * sizes.inner * sizes.columns <= plain_products_max;
}

void product::run(std::span<const float> a, std::span<const float> b, std::span<const float> bias,
                  std::span<float> y) {
  const auto [rows, inner, columns] = sizes_;
  const bool biased = options_.bias == product_options::bias_type::row;
  LAGRANGE_EXPECT(std::ssize(a) == rows * inner && std::ssize(b) == inner * columns &&
                      std::ssize(bias) == (biased ? columns : 0) && std::ssize(y) == rows * columns,
                  "operands of another size than the product was made for");
  if (!primitive_) return run_plain(a.data(), b.data(), bias.data(), y.data());
  if (biased) return primitive_->run({a.data(), b.data(), y.data(), bias.data()});
  primitive_->run({a.data(), b.data(), y.data()});
}

void product::run_plain(const float* a, const float* b, const float* bias, float* y) const {
  const auto [rows, inner, columns] = sizes_;
  const bool a_plain = options_.a == operand::plain;
  const bool b_plain = options_.b == operand::plain;
  const auto a_row = a_plain ? inner : 1;
  const auto a_step = a_plain ? 1 : rows;
  const auto b_row = b_plain ? columns : 1;
  const auto b_step = b_plain ? 1 : inner;
  for (std::int64_t m = 0; m < rows; ++m) {
    float* out = y + m * columns;
    for (std::int64_t n = 0; n < columns; ++n) out[n] = bias != nullptr ? bias[n] : 0.0F;
    for (std::int64_t k = 0; k < inner; ++k) {
      const float factor = a[m * a_row + k * a_step];
      for (std::int64_t n = 0; n < columns; ++n) out[n] += factor * b[k * b_row + n * b_step];
    }
    if (options_.after == activation::relu)
      for (std::int64_t n = 0; n < columns; ++n) out[n] = out[n] < 0 ? 0.0F : out[n];
  }
}

} // namespace lagrange::ops
