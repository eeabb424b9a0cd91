// The device of test_ops_cuda is the CPU: the backend, compiled with an emulation of CUDA.
#include "tests/support/cuda_device.hpp"

namespace lagrange::tests {

const cuda::backend& backend_under_test() { return *lagrange_cuda_entry_point(); }

} // namespace lagrange::tests
