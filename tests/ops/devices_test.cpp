#include "ops/cuda/kernels.hpp"
#include "ops/cuda/loader.hpp"
#include "ops/devices.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace lagrange;
using namespace lagrange::ops;

namespace {

// The gemm of BLAS, y = op(A) op(B), every matrix stored by columns.
void column_major_reference(const cuda::column_major_product& call) {
  const auto at = [](const float* from, std::int64_t leading, bool transposed, std::int64_t row,
                     std::int64_t column) {
    return transposed ? from[row * leading + column] : from[column * leading + row];
  };
  for (std::int64_t column = 0; column < call.n; ++column)
    for (std::int64_t row = 0; row < call.m; ++row) {
      float sum = 0;
      for (std::int64_t i = 0; i < call.k; ++i)
        sum += at(call.a, call.a_leading, call.a_transposed, row, i) *
               at(call.b, call.b_leading, call.b_transposed, i, column);
      call.c[column * call.c_leading + row] = sum;
    }
}

// Element [row, column] of op(x), row-major, where op(x) has these extents.
double element(const std::vector<float>& x, bool transposed, std::int64_t rows,
               std::int64_t columns, std::int64_t row, std::int64_t column) {
  return x[static_cast<std::size_t>(transposed ? column * rows + row : row * columns + column)];
}

// A folder of its own, gone with the object.
struct folder {
  std::string path = std::filesystem::temp_directory_path() / "lagrange-test-XXXXXX";
  folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~folder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("a row-major product said to a column-major gemm is the product", "[ops][cuda]") {
  const std::int64_t m = 3, k = 4, n = 5;
  const auto a = tests::numbers(m * k, 1), b = tests::numbers(k * n, 2);
  for (bool a_transposed : {false, true})
    for (bool b_transposed : {false, true}) {
      CAPTURE(a_transposed, b_transposed);
      std::vector<float> y(m * n);
      column_major_reference(
          cuda::column_major(a.data(), a_transposed, b.data(), b_transposed, y.data(), m, k, n));
      std::vector<double> wanted;
      for (std::int64_t row = 0; row < m; ++row)
        for (std::int64_t column = 0; column < n; ++column) {
          double sum = 0;
          for (std::int64_t i = 0; i < k; ++i)
            sum +=
                element(a, a_transposed, m, k, row, i) * element(b, b_transposed, k, n, i, column);
          wanted.push_back(sum);
        }
      CHECK(tests::distance(y, wanted) < 1e-6);
    }
}

TEST_CASE("the body of axpy adds a multiple", "[ops][cuda]") {
  static_assert(cuda::axpy_body{2}(3, 4) == 10);
  CHECK(cuda::axpy_body{-0.5F}(3, 4) == 2.5F);
}

TEST_CASE("the CPU is always listed, and the absence of a GPU explained", "[ops][devices]") {
  const auto found = list_devices();
  REQUIRE_FALSE(found.devices.empty());
  CHECK(to_string(found.devices[0].where) == "cpu");
  CHECK_THAT(found.devices[0].description, Catch::Contains("core"));
  CHECK(found.cuda_absence.empty() == (found.devices.size() > 1));
  if (!found.cuda_absence.empty()) CHECK(found.cuda_absence.back() == '.');
}

TEST_CASE("a CUDA backend that cannot be used is refused with the reason", "[ops][devices]") {
  const folder place;
  const auto missing = cuda::load_backend(place.path);
  CHECK(missing.table == nullptr);
  CHECK_THAT(missing.absence, Catch::Contains(place.path) && Catch::Contains("LAGRANGE_CUDA=ON"));
  std::ofstream(place.path + "/lagrange_cuda.so") << "not a library";
  const auto damaged = cuda::load_backend(place.path);
  CHECK(damaged.table == nullptr);
  CHECK_THAT(damaged.absence, Catch::Contains("does not load"));
}

TEST_CASE("a thread cannot be bound to no thread", "[ops][devices]") {
  CHECK_NOTHROW(bind_thread(1));
  CHECK_THROWS_AS(bind_thread(0), contract_error);
}
