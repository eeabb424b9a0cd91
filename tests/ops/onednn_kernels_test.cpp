// oneDNN's kernels against plain loops, on whole numbers: in every type that this CPU has, which is
// f32 at least, so that layouts, orders of weights and arguments are tried everywhere.
#include "ops/half.hpp"
#include "ops/retyped.hpp"
#include "plain_kernels.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstddef>

using namespace lagrange;
using namespace lagrange::ops;
using bias_type = product_options::bias_type;
using way = half_convolution::way;

namespace {

// -1, 0 and 1, as bytes of `type`.
std::vector<std::byte> whole(const shape& extents, dtype type, std::uint64_t seed) {
  auto drawn = tests::numbers(extents.elements(), seed);
  for (auto& each : drawn) each = std::round(each);
  std::vector<std::byte> made(drawn.size() * size_bytes(type));
  if (type == dtype::f32)
    std::ranges::copy(std::as_bytes(std::span(drawn)), made.begin());
  else
    narrow(drawn, type, made.data());
  return made;
}

struct memories {
  std::vector<std::byte> a, b, y, bias;
};

std::vector<float> run(half_kernel& on, memories of, bias_type bias, dtype result) {
  for (int twice = 0; twice < 2; ++twice)
    if (bias == bias_type::row)
      on.run({of.a.data(), of.b.data(), of.y.data(), of.bias.data()});
    else
      on.run({of.a.data(), of.b.data(), of.y.data()});
  std::vector<float> y(of.y.size() / size_bytes(result));
  convert({result, of.y.data(), y.size()}, {dtype::f32, y.data(), y.size()});
  return y;
}

// Whether there is one; one that there is gives what loops give.
template <class What>
bool holds(const What& what, const memories& of, bias_type bias, dtype result) {
  const auto tried = onednn_half_kernels(half_products::all)->make(what);
  if (!tried) return false;
  const auto plain = tests::plain_kernels()->make(what);
  const bool is_same = run(*tried, of, bias, result) == run(*plain, of, bias, result);
  CHECK(is_same);
  return true;
}

bool product_holds(const half_product& what) {
  const auto [rows, inner, columns] = what.sizes;
  return holds(what,
               {whole({rows, inner}, what.type, 1), whole({inner, columns}, what.type, 2),
                whole({rows, columns}, what.result, 3), whole({columns}, dtype::f32, 4)},
               what.how.bias, what.result);
}

bool convolution_holds(const half_convolution& what) {
  const auto side = what.how.side;
  const auto x = whole(what.x, what.type, 1), y = whole(what.y, what.type, 2);
  const shape weight{side, side, what.x[3] / what.how.groups, what.y[3]};
  const auto w = whole(weight, what.type, 3), bias = whole({what.y[3]}, dtype::f32, 4);
  if (what.goes == way::forward) return holds(what, {x, w, y, bias}, what.bias, what.type);
  if (what.goes == way::weight)
    return holds(what, {x, y, whole(weight, dtype::f32, 5), {}}, bias_type::none, dtype::f32);
  return holds(what, {y, w, x, {}}, bias_type::none, what.type);
}

} // namespace

TEST_CASE("oneDNN's products of 16-bit operands are those of plain loops, tried in f32 at least",
          "[ops][half][linear]") {
  for (auto type : {dtype::f32, dtype::bf16, dtype::f16})
    for (const auto& sizes : {product_sizes{33, 17, 9}, {64, 128, 96}, {5, 200, 120}}) {
      CAPTURE(name(type), sizes.rows, sizes.inner, sizes.columns);
      std::vector<bool> found;
      for (auto bias : {bias_type::none, bias_type::row})
        for (auto after : {activation::none, activation::relu})
          found.push_back(product_holds({type, type, sizes, {.bias = bias, .after = after}}));
      found.push_back(product_holds({type, dtype::f32, sizes, {.a = operand::transposed}}));
      found.push_back(product_holds({type, type, sizes, {.b = operand::transposed}}));
      if (type == dtype::f32) CHECK(std::ranges::count(found, true) == std::ssize(found));
    }
}

TEST_CASE(
    "oneDNN's convolutions of 16-bit operands are those of plain loops, tried in f32 at least",
    "[ops][half][convolution]") {
  struct sizes {
    shape image;
    std::int64_t outputs;
    window how;
  };
  const sizes all[] = {{{12, 12, 1}, 6, {5, 1, 2}},   {{9, 7, 3}, 8, {3, 2, 1}},
                       {{8, 8, 16}, 16, {3, 1, 1}},   {{7, 9, 5}, 7, {4, 3, 1}},
                       {{6, 6, 8}, 4, {3, 1, 1, 2}},  {{6, 5, 6}, 6, {3, 1, 1, 6}},
                       {{6, 6, 16}, 32, {3, 2, 1, 2}}};
  for (auto type : {dtype::f32, dtype::bf16, dtype::f16})
    for (const auto& [image, outputs, how] : all) {
      CAPTURE(name(type), to_string(image), outputs, how.side, how.groups);
      half_convolution what{.goes = way::forward,
                            .type = type,
                            .x = {3, image[0], image[1], image[2]},
                            .y = {3, how.steps(image[0]), how.steps(image[1]), outputs},
                            .how = how,
                            .bias = bias_type::row,
                            .after = activation::relu};
      std::vector<bool> found{convolution_holds(what)};
      what.bias = bias_type::none;
      for (auto goes : {way::forward, way::weight, way::input}) {
        what.goes = goes;
        found.push_back(convolution_holds(what));
      }
      if (type == dtype::f32) CHECK(std::ranges::count(found, true) == std::ssize(found));
    }
}
