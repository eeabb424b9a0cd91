// Counts what the program asks of operator new, to hold the step loop to asking nothing. What
// oneDNN takes from malloc for itself inside a product is not seen here.
#include "model_samples.hpp"
#include "ops/devices.hpp"
#include "ops/layers.hpp"
#include "ops/model.hpp"
#include "ops/models.hpp"
#include "ops/optimizer.hpp"
#include "ops/processor.hpp"
#include "plain_kernels.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include <dlfcn.h>

namespace {
std::atomic<long> allocations{0};

// The emulation keeps what is given to a stream in lists of its own.
bool is_of_others(const void* caller) {
  Dl_info found{};
  return dladdr(caller, &found) != 0 && (std::strstr(found.dli_fname, "libdnnl") != nullptr ||
                                         std::strstr(found.dli_fname, "lagrange_cuda") != nullptr);
}

void* counted(std::size_t size, std::size_t alignment, const void* caller) {
  if (!is_of_others(caller)) allocations.fetch_add(1, std::memory_order_relaxed);
  const auto rounded = (std::max<std::size_t>(size, 1) + alignment - 1) / alignment * alignment;
  return std::aligned_alloc(alignment, rounded);
}
} // namespace

void* operator new(std::size_t size) {
  if (void* made = counted(size, alignof(std::max_align_t), __builtin_return_address(0)))
    return made;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(size, static_cast<std::size_t>(alignment), __builtin_return_address(0));
}
// Not inlined: the compiler would see a free of what operator new made.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }

using namespace lagrange;
using namespace lagrange::ops;

TEST_CASE("a step of a size seen before allocates nothing", "[ops][models]") {
  for (const auto& row : models()) {
    CAPTURE(row.name);
    const auto net = tests::make_small(row);
    auto parameters = tests::parameters(net->parameters(), 1);
    std::vector<float> gradient(parameters.size());
    const auto optimizer = make_adam(parameters.size(), {});
    const auto step = [&](std::int64_t batch) {
      const auto [inputs, labels] = tests::samples(tests::input_of(row), batch, 3);
      const auto before = allocations.load();
      net->train({parameters, inputs, labels, gradient});
      optimizer->step(parameters, gradient, 1);
      return allocations.load() - before;
    };
    const bool has_operations = row.name != "count";
    CHECK((step(64) > 0) == has_operations); // so something is counted
    CHECK((step(17) > 0) == has_operations);
    for (std::int64_t batch : {64, 17, 64, 64}) CHECK(step(batch) == 0);
  }
}

TEST_CASE("nor does a step in 16 bits, by kernels for such operands or in f32",
          "[ops][half][models]") {
  using refusal = tests::plain_kernels_options::refusal;
  for (const auto* name : {"mlp", "lenet", "gpt"})
    for (auto refused : {refusal::none, refusal::all}) {
      CAPTURE(name);
      const auto& row = tests::model(name);
      const tests::plain_kernels_options how{.refused = refused};
      const auto net = tests::make_small(row);
      net->compute_on(host_processor(tests::plain_kernels(how)));
      net->compute_in(dtype::bf16);
      const auto parameters = tests::parameters(net->parameters(), 1);
      std::vector<float> gradient(parameters.size());
      const auto step = [&](std::int64_t batch) {
        const auto [inputs, labels] = tests::samples(tests::input_of(row), batch, 3);
        const auto before = allocations.load();
        net->train({parameters, inputs, labels, gradient});
        return allocations.load() - before;
      };
      // Which piece of the pool serves what settles within a few steps.
      CHECK(step(16) > 0);
      for (std::int64_t batch : {7, 16, 7, 16, 7, 16, 7}) step(batch);
      for (std::int64_t batch : {16, 7, 16}) CHECK(step(batch) == 0);
      CHECK((*how.runs > 0) == (refused == refusal::none));
    }
}

TEST_CASE("nor does a step on a device", "[ops][models][cuda]") {
  for (const auto& row : models()) {
    CAPTURE(row.name);
    auto input = tests::input_of(row);
    if (input.extents.rank() == 3) input.extents = {12, 12, 1};
    const auto net =
        row.takes == sample_kind::numbers ? row.make(input, {}) : tests::make_small(row);
    net->compute_on(make_processor({device::kind_type::cuda, 0}, LAGRANGE_EMULATED_CUDA));
    const auto parameters = tests::parameters(net->parameters(), 1);
    std::vector<float> gradient(parameters.size());
    const auto step = [&](std::int64_t batch) {
      const auto [inputs, labels] = tests::samples(input, batch, 3);
      const auto before = allocations.load();
      net->train({parameters, inputs, labels, gradient});
      return allocations.load() - before;
    };
    const bool has_operations = row.name != "count";
    CHECK((step(2) > 0) == has_operations);
    CHECK((step(1) > 0) == has_operations);
    for (std::int64_t batch : {2, 1, 2, 2}) CHECK(step(batch) == 0);
  }
}

TEST_CASE("no optimizer allocates in a step, dense or of rows", "[ops][optimizer]") {
  constexpr std::size_t elements = 300'000, width = 16;
  std::vector<float> p(elements, 1.0F);
  const std::vector<float> g(elements, 0.5F);
  const std::vector<std::uint32_t> rows{5, 1, 700};
  for (const auto& row : optimizers()) {
    CAPTURE(row.name);
    const auto made = row.make(elements, {.momentum = 0.5F});
    const auto before = allocations.load();
    made->begin_step(1);
    made->step_part(0, p, g, 1);
    made->end_tensor(0, p, 2);
    if (!row.needs_whole_tensors)
      made->step_rows(0, p, {rows, width, std::span(g).first(rows.size() * width)}, 1);
    CHECK(allocations.load() == before);
  }
}

TEST_CASE("norms, pools and curves allocate nothing after the first step", "[ops][layers]") {
  auto body = std::make_unique<sequential>();
  body->add("batch_norm", batch_norm({.after = activation::relu}))
      .add("pool", average_pool({2, 2}));
  body->add("all", global_average_pool()).add("layer_norm", layer_norm()).add("rms", rms_norm());
  body->add("gelu", gelu()).add("tanh", tanh()).add("dropout", dropout(0.5F));
  body->add("softmax", softmax()).add("linear", linear(4));
  const auto net = make_classifier(std::move(body), {8, 8, 3});
  const auto parameters = tests::parameters(net->parameters(), 1);
  std::vector<float> gradient(parameters.size());
  const tensor inputs(dtype::f32, {16, 8, 8, 3});
  const auto labels = tests::labels(16, 4, 3);
  const auto step = [&](std::uint64_t key) {
    const auto before = allocations.load();
    net->train({parameters, inputs, labels, gradient, key});
    return allocations.load() - before;
  };
  CHECK(step(0) > 0);
  for (std::uint64_t key = 1; key < 4; ++key) CHECK(step(key) == 0);
}
