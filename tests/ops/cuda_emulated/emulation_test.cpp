// What the emulation promises to the tests that run on it.
#include "tests/support/cuda_device.hpp"
#include "tests/support/cuda_emulated_runtime.hpp"

using namespace lagrange;
using namespace lagrange::tests;

namespace {

// Each thread leaves its number to the next, with a barrier between or without.
void pass_on(int* found) {
  __shared__ int left[64];
  left[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  found[threadIdx.x] = left[(threadIdx.x + 1) % 64];
  __syncthreads();
}

void pass_on_too_early(int* found) {
  __shared__ int left[64];
  left[threadIdx.x] = static_cast<int>(threadIdx.x);
  found[threadIdx.x] = left[(threadIdx.x + 1) % 64];
  __syncthreads();
  left[threadIdx.x] = -1;
}

// Warps agree twice by the same memory, the second time too early.
void agree_too_early(int* found) {
  __shared__ int parts[2];
  for (int round = 0; round < 2; ++round) {
    const int mine = __shfl_xor_sync(~0U, round, 1);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = mine;
    __syncthreads();
    found[round * 64 + static_cast<int>(threadIdx.x)] = parts[0] + parts[1];
  }
}

// Blocks that wait for each other's results would never end on a GPU that runs one at a time.
void add_block_before(int* found) {
  found[blockIdx.x] = blockIdx.x == 0 ? 1 : found[blockIdx.x - 1] + 1;
}

void sum_lanes(int* found) {
  int mine = static_cast<int>(threadIdx.x);
  for (int lanes = 16; lanes > 0; lanes /= 2) mine += __shfl_xor_sync(~0U, mine, lanes);
  found[threadIdx.x] = mine;
}

} // namespace

TEST_CASE("threads of a block meet at a barrier", "[ops][cuda]") {
  std::vector<int> found(64);
  run_grid(1, 64, [&] { pass_on(found.data()); });
  for (int i = 0; i < 64; ++i) CHECK(found[static_cast<std::size_t>(i)] == (i + 1) % 64);
}

#if !defined(__SANITIZE_THREAD__) // which reports these races, as it should
TEST_CASE("a barrier that is missing is seen in the results", "[ops][cuda]") {
  std::vector<int> found(64);
  run_grid(2, 64, [&] { pass_on_too_early(found.data()); });
  int wrong = 0;
  for (int i = 0; i < 64; ++i) wrong += found[static_cast<std::size_t>(i)] != (i + 1) % 64 ? 1 : 0;
  CHECK(wrong > 0);
  std::vector<int> sums(128);
  run_grid(1, 64, [&] { agree_too_early(sums.data()); });
  CHECK(sums != [] {
    std::vector<int> right(128, 0);
    std::fill(right.begin() + 64, right.end(), 2);
    return right;
  }());
}
#endif

TEST_CASE("blocks that count on an order are seen in the results", "[ops][cuda]") {
  std::vector<int> found(100);
  run_grid(100, 1, [&] { add_block_before(found.data()); });
  CHECK(found.back() != 100);
}

TEST_CASE("lanes of a warp exchange with their warp alone", "[ops][cuda]") {
  std::vector<int> found(64);
  run_grid(1, 64, [&] { sum_lanes(found.data()); });
  for (std::size_t i = 0; i < 64; ++i) CHECK(found[i] == (i < 32 ? 31 * 16 : 31 * 16 + 32 * 32));
}

TEST_CASE("a barrier that some threads skip is refused", "[ops][cuda]") {
  CHECK_THROWS_WITH(run_grid(1, 64,
                             [] {
                               if (threadIdx.x != 5) __syncthreads();
                             }),
                    Catch::Contains("1 of 64"));
  CHECK_THROWS_WITH(run_grid(1, 48, [] { __shfl_xor_sync(~0U, 1, 16); }), Catch::Contains("lane"));
}

TEST_CASE("every thread of a grid runs once, with its own place", "[ops][cuda]") {
  std::vector<int> found(3 * 2 * 4 * 2);
  run_grid({3, 2}, {4, 2}, [&] {
    const auto block = blockIdx.y * gridDim.x + blockIdx.x;
    ++found[(block * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x];
  });
  CHECK(found == std::vector<int>(found.size(), 1));
}

TEST_CASE("nothing is done before somebody waits", "[ops][cuda]") {
  gpu on;
  void *pinned = nullptr, *memory = nullptr;
  check(on.table.allocate_pinned(on.context, 4, &pinned));
  check(on.table.allocate(on.stream, 4, &memory));
  auto& number = *static_cast<float*>(pinned);
  number = 1;
  check(on.table.copy_in(on.stream, memory, pinned, 4));
  number = 2; // too early
  check(on.table.scale(on.stream, {ops::dtype::f32, 1, 10, memory, memory}));
  check(on.table.copy_out(on.stream, pinned, memory, 4));
  CHECK(number == 2);
  check(on.table.synchronise(on.stream));
  CHECK(number == 20);
  check(on.table.release(on.context, memory));
  check(on.table.release_pinned(on.context, pinned));
}

TEST_CASE("a copy from memory that is not pinned is refused", "[ops][cuda]") {
  gpu on;
  float number = 1;
  device_array<float> x(on, 1);
  CHECK(on.table.copy_in(on.stream, x.data(), &number, 4) != nullptr);
  CHECK(on.table.copy_out(on.stream, &number, x.data(), 4) != nullptr);
}

TEST_CASE("a grid that no GPU takes is refused", "[ops][cuda]") {
  CHECK(is_launchable(1, 1024));
  CHECK_FALSE(is_launchable(1, 1025));
  CHECK_FALSE(is_launchable(1, {32, 64}));
  CHECK_FALSE(is_launchable(0, 32));
  CHECK_FALSE(is_launchable({1, 65536}, 32));
}
