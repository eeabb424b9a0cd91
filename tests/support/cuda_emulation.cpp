// The fibres of a block, and who runs next. Compiled without sanitizers: what one fibre tells
// another here must not count as synchronisation of the kernel, and none expects a stack to be left
// so.
#include "tests/support/cuda_emulation.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ucontext.h>

#if defined(LAGRANGE_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
constexpr bool is_watched = true;
#else
constexpr bool is_watched = false;
namespace {
void __tsan_acquire(void*) {}
void __tsan_release(void*) {}
void* __tsan_get_current_fiber() { return nullptr; }
void* __tsan_create_fiber(unsigned) { return nullptr; }
void __tsan_destroy_fiber(void*) {}
void __tsan_switch_to_fiber(void*, unsigned) {}
constexpr unsigned __tsan_switch_to_fiber_no_sync = 1;
} // namespace
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace lagrange::tests {

namespace {

constexpr std::size_t lanes = 32;
constexpr std::size_t stack_bytes = is_watched ? 256 << 10 : 64 << 10;

enum class state { ready, at_warp_barrier, at_block_barrier, finished };

// Where a flow of control has stopped, as GCC keeps it: frame, stack and address. ucontext, which
// starts a fibre, asks the kernel about signals at every change, and a block changes ten thousand
// times.
using place = std::array<void*, 5>;

struct fibre {
  place stopped{};
  std::unique_ptr<char[]> stack;
  void* watched = nullptr; // as the thread sanitizer knows it
  bool is_started = false;
  state is = state::finished;
  uint3 index;
  unsigned exchanges = 0; // so far in this block
  unsigned barriers = 0;
  std::uint64_t left[2] = {}; // for the other lanes, by turns: a lane is at most one exchange ahead
};

// All of the emulated device that outlives a launch.
struct multiprocessor {
  std::vector<std::unique_ptr<fibre>> fibres;
  std::size_t count = 0;         // of threads in a block now
  std::size_t current = 0;       // the fibre that runs
  std::size_t waiting = 0;       // at the block's barrier
  std::size_t waiting_lanes = 0; // of the warp that runs, at its barrier
  std::size_t finished = 0;
  place scheduler{};
  ucontext_t start{};
  void* scheduler_watched = nullptr;
  const std::function<void()>* kernel = nullptr;
  const char* failure = nullptr; // of a fibre, which has nobody to throw it to
  std::uint64_t drawn = 0;
  // Addresses that the sanitizer is told: what comes before, and what comes after, by turns. One
  // alone would tell who comes late of what others did later.
  std::array<char, 2> grid_marks{}, block_marks{};
  std::array<std::array<char, 2>, lanes> warp_marks{};
  unsigned blocks = 0; // run so far
};

multiprocessor device;

// The same numbers on every machine: a linear congruence.
std::size_t draw(std::size_t below) {
  device.drawn = device.drawn * 6364136223846793005U + 1442695040888963407U;
  return static_cast<std::size_t>(device.drawn >> 33) % below;
}

// Calls visit(i) for every i below `count`, from a drawn one on in drawn steps.
template <class Visit>
void visit_all(std::size_t count, Visit visit) {
  std::size_t step = 1 + draw(count);
  while (std::gcd(step, count) != 1) ++step;
  std::size_t i = draw(count);
  for (std::size_t visited = 0; visited < count; ++visited, i = (i + step) % count) visit(i);
}

// What a fibre does: the kernel, once for each block.
void live();

// Whoever calls these may assume of registers what the ABI says, and no more: a fibre comes back
// with those of another.
[[noreturn, gnu::noipa]] void go_on(place& at) { __builtin_longjmp(at.data(), 1); }

[[gnu::noipa]] void start(fibre& next) {
  next.is_started = true;
  getcontext(&device.start);
  device.start.uc_stack.ss_sp = next.stack.get();
  device.start.uc_stack.ss_size = stack_bytes;
  device.start.uc_link = nullptr;
  makecontext(&device.start, live, 0);
  setcontext(&device.start);
}

[[gnu::noipa]] void resume(std::size_t i) {
  auto& next = *device.fibres[i];
  device.current = i;
  threadIdx = next.index;
  __tsan_switch_to_fiber(next.watched, __tsan_switch_to_fiber_no_sync);
  if (__builtin_setjmp(device.scheduler.data()) != 0) return; // paused
  if (!next.is_started) start(next);
  go_on(next.stopped);
}

[[gnu::noipa]] void pause(state until) {
  auto& mine = *device.fibres[device.current];
  mine.is = until;
  __tsan_switch_to_fiber(device.scheduler_watched, __tsan_switch_to_fiber_no_sync);
  if (__builtin_setjmp(mine.stopped.data()) != 0) return; // resumed
  go_on(device.scheduler);
}

void live() {
  for (;;) {
    __tsan_acquire(&device.grid_marks[device.blocks % 2]);
    (*device.kernel)();
    __tsan_release(&device.grid_marks[(device.blocks + 1) % 2]);
    ++device.finished;
    pause(state::finished);
  }
}

void prepare(dim3 threads) {
  device.count = std::size_t{threads.x} * threads.y * threads.z;
  while (device.fibres.size() < device.count) {
    device.fibres.push_back(std::make_unique<fibre>());
    device.fibres.back()->stack.reset(new char[stack_bytes]);
  }
  for (std::size_t i = 0; i < device.count; ++i) {
    auto& each = *device.fibres[i];
    if (each.watched == nullptr) each.watched = __tsan_create_fiber(0);
    const auto number = static_cast<unsigned>(i);
    each.index = {number % threads.x, number / threads.x % threads.y,
                  number / threads.x / threads.y};
  }
}

void make_ready(std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) device.fibres[i]->is = state::ready;
}

// A warp runs as far as it gets before the next one does: nothing but a barrier of the block holds
// one back, and to be that far ahead of the others is what finds a barrier that is missing.
void run_warp(std::size_t warp) {
  const auto first = warp * lanes, last = std::min(first + lanes, device.count);
  do {
    device.waiting_lanes = 0;
    visit_all(last - first, [&](std::size_t i) {
      if (device.fibres[first + i]->is == state::ready) resume(first + i);
    });
    if (device.waiting_lanes == last - first) make_ready(first, last);
  } while (device.waiting_lanes == last - first);
}

void run_block() {
  device.finished = 0;
  for (std::size_t i = 0; i < device.count; ++i)
    device.fibres[i]->exchanges = device.fibres[i]->barriers = 0;
  do {
    device.waiting = 0;
    make_ready(0, device.count);
    visit_all((device.count - 1) / lanes + 1, run_warp);
  } while (device.waiting == device.count);
  if (device.failure != nullptr) throw std::logic_error(std::exchange(device.failure, nullptr));
  if (device.finished != device.count)
    throw std::logic_error(
        "a barrier that not all of its threads have come to: " + std::to_string(device.finished) +
        " of " + std::to_string(device.count) + " have ended");
}

// Fibres that have not come to the end of their block begin anew.
void abandon() {
  for (auto& each : device.fibres) {
    if (each->watched != nullptr) __tsan_destroy_fiber(each->watched);
    each->watched = nullptr;
    each->is_started = false;
  }
}

} // namespace

void run_grid(dim3 blocks, dim3 threads, const std::function<void()>& kernel) {
  prepare(threads);
  device.kernel = &kernel;
  gridDim = blocks;
  blockDim = threads;
  device.scheduler_watched = __tsan_get_current_fiber();
  __tsan_release(&device.grid_marks[device.blocks % 2]);
  try {
    visit_all(std::size_t{blocks.x} * blocks.y * blocks.z, [&](std::size_t i) {
      const auto number = static_cast<unsigned>(i);
      blockIdx = {number % blocks.x, number / blocks.x % blocks.y, number / blocks.x / blocks.y};
      run_block();
      ++device.blocks;
    });
  } catch (...) {
    abandon();
    throw;
  }
  __tsan_acquire(&device.grid_marks[device.blocks % 2]);
}

std::uint64_t exchange(std::uint64_t mine, unsigned lane_mask) {
  const auto self = device.current;
  auto& lane = *device.fibres[self];
  const auto turn = lane.exchanges++ % 2;
  lane.left[turn] = mine;
  char* mark = &device.warp_marks[self / lanes][turn];
  __tsan_release(mark);
  ++device.waiting_lanes;
  pause(state::at_warp_barrier);
  __tsan_acquire(mark);
  const auto other = self ^ lane_mask;
  if (other < device.count && other / lanes == self / lanes)
    return device.fibres[other]->left[turn];
  device.failure = "a shuffle with a lane that there is not";
  return mine;
}

} // namespace lagrange::tests

void __syncthreads() {
  using namespace lagrange::tests;
  char* mark = &device.block_marks[device.fibres[device.current]->barriers++ % 2];
  __tsan_release(mark);
  ++device.waiting;
  pause(state::at_block_barrier);
  __tsan_acquire(mark);
}
