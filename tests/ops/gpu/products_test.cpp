#include "tests/support/cuda_device.hpp"

using namespace lagrange;
using namespace lagrange::tests;
using cuda::lies;
using ops::dtype;

namespace {

struct sizes {
  std::int64_t rows, inner, columns;
};

std::int64_t index(lies how, std::int64_t leading, std::int64_t row, std::int64_t column) {
  return how == lies::plain ? row * leading + column : column * leading + row;
}

// What the call asks for, of matrices as they lie; y is what was there before.
template <class T>
std::vector<double> multiplied(const cuda::product_call& call, const std::vector<T>& a,
                               const std::vector<T>& b, std::vector<double> y) {
  const auto at = [](const std::vector<T>& from, std::int64_t i) -> double {
    return cuda::to_float(from[static_cast<std::size_t>(i)]);
  };
  for (std::int64_t i = 0; i < call.batch; ++i)
    for (std::int64_t row = 0; row < call.rows; ++row)
      for (std::int64_t column = 0; column < call.columns; ++column) {
        double sum = 0;
        for (std::int64_t k = 0; k < call.inner; ++k)
          sum += at(a, i * call.a.stride + index(call.a.how, call.a.leading, row, k)) *
                 at(b, i * call.b.stride + index(call.b.how, call.b.leading, k, column));
        auto& wanted =
            y[static_cast<std::size_t>(i * call.y_stride + row * call.y_leading + column)];
        wanted = call.factor * sum + (call.keep == 0 ? 0 : call.keep * wanted);
      }
  return y;
}

// Fills in how matrices lie: each row `gap` longer than it must, each matrix one element further.
void lay_out(cuda::product_call& call, std::int64_t gap) {
  const bool is_a_plain = call.a.how == lies::plain, is_b_plain = call.b.how == lies::plain;
  call.a.leading = (is_a_plain ? call.inner : call.rows) + gap;
  call.b.leading = (is_b_plain ? call.columns : call.inner) + gap;
  call.y_leading = call.columns + gap;
  call.a.stride = call.a.leading * (is_a_plain ? call.rows : call.inner) + 1;
  call.b.stride = call.b.leading * (is_b_plain ? call.inner : call.columns) + 1;
  call.y_stride = call.y_leading * call.rows + 1;
}

template <class T, class Y>
void check_product(gpu& on, cuda::product_call call) {
  call.type = type_of<T>();
  call.y_type = type_of<Y>();
  const auto a = drawn<T>(call.batch * call.a.stride, 1);
  const auto b = drawn<T>(call.batch * call.b.stride, 2);
  const auto y = drawn<Y>(call.batch * call.y_stride, 3);
  device_array<T> on_a(on, a), on_b(on, b);
  device_array<Y> on_y(on, y);
  call.a.at = on_a.data();
  call.b.at = on_b.data();
  call.y = on_y.data();
  CAPTURE(call.rows, call.inner, call.columns, call.batch, call.keep, sizeof(T), sizeof(Y),
          call.a.how == lies::plain, call.b.how == lies::plain);
  check(on.table.product(on.stream, call));
  const double far = call.f32 == cuda::precision::tf32 ? 2e-2 : 2 * near<Y>();
  CHECK(distance(on_y.values(), multiplied(call, a, b, widened(y))) < far);
}

} // namespace

TEST_CASE("a product on the device is the product of the rows and columns", "[ops][cuda]") {
  gpu on;
  for (const auto& [rows, inner, columns] :
       {sizes{1, 1, 1}, {3, 4, 5}, {33, 5, 70}, {1, 257, 31}, {64, 31, 1}})
    for (const auto a : {lies::plain, lies::transposed})
      for (const auto b : {lies::plain, lies::transposed})
        for (const std::int64_t batch : {1, 3}) {
          cuda::product_call call{dtype::f32, dtype::f32,   rows,         inner,
                                  columns,    {nullptr, a}, {nullptr, b}, nullptr};
          call.batch = batch;
          lay_out(call, batch == 1 ? 0 : 3);
          check_product<float, float>(on, call);
          check_product<cuda::f16, cuda::f16>(on, call);
          check_product<cuda::bf16, cuda::bf16>(on, call);
          call.factor = -0.5F;
          call.keep = 2;
          check_product<float, float>(on, call);
          check_product<cuda::f16, float>(on, call);
          check_product<cuda::bf16, float>(on, call);
          call.f32 = cuda::precision::tf32;
          check_product<float, float>(on, call);
        }
}

TEST_CASE("matrices whose layout is not told lie without gaps", "[ops][cuda]") {
  gpu on;
  device_array<float> a(on, std::vector<float>{1, 2, 3, 4, 5, 6}), y(on, 4);
  check(on.table.product(
      on.stream,
      {dtype::f32, dtype::f32, 2, 3, 2, {a.data()}, {a.data(), lies::transposed}, y.data()}));
  CHECK(y.values() == std::vector<float>{14, 32, 32, 77});
  device_array<float> square(on, 9);
  check(on.table.product(
      on.stream,
      {dtype::f32, dtype::f32, 3, 2, 3, {a.data(), lies::transposed}, {a.data()}, square.data()}));
  CHECK(square.values() == std::vector<float>{17, 22, 27, 22, 29, 36, 27, 36, 45});
}

TEST_CASE("a product that cannot be is refused with the reason", "[ops][cuda]") {
  gpu on;
  cuda::product_call call{dtype::f32, dtype::f32, 0, 1, 1, {nullptr}, {nullptr}, nullptr};
  CHECK_THAT(on.table.product(on.stream, call), Catch::Contains("extents"));
  call.rows = std::int64_t{1} << 31;
  CHECK_THAT(on.table.product(on.stream, call), Catch::Contains("extents"));
  call.rows = 1;
  call.y_type = dtype::f16;
  CHECK_THAT(on.table.product(on.stream, call), Catch::Contains("f32"));
  call.type = call.y_type = dtype::i32;
  CHECK_THAT(on.table.product(on.stream, call), Catch::Contains("f32"));
}
