// The device of test_ops_gpu is a GPU. Without one it says so and returns 77, which ctest counts as
// skipped.
#define CATCH_CONFIG_RUNNER
#include "tests/support/cuda_device.hpp"

#include "ops/cuda/loader.hpp"

#include <iostream>

namespace lagrange::tests {

const cuda::backend& backend_under_test() {
  static const auto loaded = cuda::load_backend();
  if (loaded.table == nullptr) throw ops::device_error(loaded.absence);
  return *loaded.table;
}

} // namespace lagrange::tests

int main(int count, char** arguments) {
  const auto backend = lagrange::ops::cuda::load_backend();
  if (backend.table == nullptr) {
    std::cout << "SKIPPED, nothing was tested on a GPU. " << backend.absence << std::endl;
    return 77;
  }
  return Catch::Session().run(count, arguments);
}
