// What only a GPU can show. Without one this says so and returns 77, which ctest counts as skipped.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "ops/cuda/kernels.hpp"
#include "ops/cuda/loader.hpp"
#include "ops/devices.hpp"
#include "ops/product.hpp"
#include "ops/random.hpp"

#include <array>
#include <iostream>
#include <vector>

using namespace lagrange::ops;

namespace {

// Calls of the backend that fail end the test with the reason.
void check(const char* why) {
  if (why != nullptr) throw device_error(why);
}

std::vector<float> numbers(std::size_t count, std::uint64_t seed) {
  const random_sequence drawn(seed, 0);
  std::vector<float> made(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = 2 * drawn.unit(i) - 1;
  return made;
}

// Numbers on device 0.
class device_vector {
public:
  device_vector(const cuda::loaded_backend& backend, const std::vector<float>& values)
      : table_(*backend.table), count_(values.size()) {
    check(table_.allocate(0, count_ * sizeof(float), &memory_));
    check(table_.copy_in(0, memory_, values.data(), count_ * sizeof(float)));
  }
  ~device_vector() { table_.release(0, memory_); }
  device_vector(const device_vector&) = delete;
  device_vector& operator=(const device_vector&) = delete;
  float* data() { return static_cast<float*>(memory_); }
  std::vector<float> values() const {
    std::vector<float> found(count_);
    check(table_.copy_out(0, found.data(), memory_, count_ * sizeof(float)));
    return found;
  }

private:
  const lagrange_cuda_backend& table_;
  void* memory_ = nullptr;
  std::size_t count_;
};

} // namespace

TEST_CASE("a GPU is listed with its name", "[ops][cuda]") {
  const auto found = list_devices();
  REQUIRE(found.devices.size() >= 2);
  CHECK(found.cuda_absence.empty());
  CHECK(to_string(found.devices[1].where) == "cuda:0");
  CHECK_THAT(found.devices[1].description, Catch::Contains("sm_") && Catch::Contains("GiB"));
}

TEST_CASE("a product on the GPU is the product on the CPU", "[ops][cuda]") {
  const auto backend = cuda::load_backend();
  for (const auto& sizes : {product_sizes{1, 1, 1}, {64, 784, 256}, {33, 5, 70}})
    for (auto a_lies : {operand::plain, operand::transposed})
      for (auto b_lies : {operand::plain, operand::transposed}) {
        const auto [m, k, n] = sizes;
        CAPTURE(m, k, n, a_lies == operand::plain, b_lies == operand::plain);
        const auto a = numbers(static_cast<std::size_t>(m * k), 1);
        const auto b = numbers(static_cast<std::size_t>(k * n), 2);
        std::vector<float> wanted(static_cast<std::size_t>(m * n));
        product(sizes, {.a = a_lies, .b = b_lies}).run(a, b, {}, wanted);
        device_vector on_a(backend, a), on_b(backend, b), on_y(backend, wanted);
        check(backend.table->copy_in(0, on_y.data(), a.data(), sizeof(float))); // no longer right
        check(backend.table->product(0, on_a.data(), a_lies == operand::transposed, on_b.data(),
                                     b_lies == operand::transposed, on_y.data(), m, k, n));
        const auto found = on_y.values();
        for (std::size_t i = 0; i < found.size(); ++i)
          REQUIRE(found[i] == Approx(wanted[i]).margin(1e-3));
      }
}

TEST_CASE("axpy on the GPU is axpy on the CPU", "[ops][cuda]") {
  const auto backend = cuda::load_backend();
  for (std::size_t count : {std::size_t{1}, std::size_t{1000}, std::size_t{3'000'000}}) {
    const auto x = numbers(count, 3), y = numbers(count, 4);
    device_vector on_x(backend, x), on_y(backend, y);
    check(backend.table->axpy(0, 0.5F, on_x.data(), on_y.data(), static_cast<std::int64_t>(count)));
    const auto found = on_y.values();
    for (std::size_t i = 0; i < count; ++i)
      if (std::abs(found[i] - cuda::axpy_body{0.5F}(x[i], y[i])) > 1e-6F) FAIL("element " << i);
  }
}

TEST_CASE("what the GPU refuses comes back as a reason", "[ops][cuda]") {
  const auto backend = cuda::load_backend();
  void* memory = nullptr;
  CHECK(backend.table->allocate(0, std::size_t{1} << 60, &memory) != nullptr);
  CHECK(backend.table->allocate(backend.devices, 16, &memory) != nullptr);
  CHECK(backend.table->product(0, nullptr, 0, nullptr, 0, nullptr, 0, 1, 1) != nullptr);
}

int main(int count, char** arguments) {
  const auto backend = cuda::load_backend();
  if (backend.table == nullptr) {
    std::cout << "SKIPPED, nothing was tested on a GPU. " << backend.absence << std::endl;
    return 77;
  }
  return Catch::Session().run(count, arguments);
}
