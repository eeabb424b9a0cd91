// What a step of a network asks of the device: one wait, and no memory that the steps before did
// not have. tests/ops/allocation_test.cpp holds the host's heap to the same.
#include "ops/models.hpp"
#include "tests/ops/model_samples.hpp"
#include "tests/ops/reference.hpp"
#include "tests/support/cuda_emulated_runtime.hpp"
#include "tests/support/device_trial.hpp"

using namespace lagrange;
using namespace lagrange::tests;

TEST_CASE("a network's step waits once, and finds its memory", "[ops][cuda][models]") {
  for (const auto* name : {"mlp", "gpt", "mf", "logistic"})
    for (const auto precision : {ops::dtype::f32, ops::dtype::bf16}) {
      CAPTURE(name, ops::name(precision));
      const auto net = make_small(model(name));
      net->compute_in(precision);
      net->compute_on(processor_under_test());
      const auto values = parameters(net->parameters(), 1);
      std::vector<float> gradient(values.size());
      const auto step = [&](std::int64_t batch) {
        const auto given = samples(input_of(model(name)), batch, 3);
        net->train({values, given.inputs, given.labels, gradient});
      };
      for (const std::int64_t batch : {3, 2, 3, 2}) step(batch);
      const auto waits = synchronisations(), allocations = device_allocations();
      for (const std::int64_t batch : {3, 2, 2, 3}) step(batch);
      CHECK(synchronisations() - waits == 4);
      CHECK(device_allocations() == allocations);
    }
}

TEST_CASE("parameters that take several copies arrive whole", "[ops][cuda]") {
  // More than is copied in one piece, and then some small ones behind it.
  const auto device = processor_under_test();
  const std::vector<float> large = drawn(3 << 20, 1), small = drawn(5, 2);
  std::vector<float> d_large(large.size(), 9), d_small(small.size(), 9);
  ops::tape on(ops::pass_mode::training, ops::dtype::f32, *device);
  for (int i = 0; i < 2; ++i) {
    on.begin(1);
    const auto a = on.parameter({std::ssize(large)}, large, d_large, 0);
    const auto b = on.parameter({std::ssize(small)}, small, d_small, 1);
    const auto c = on.parameter({std::ssize(large)}, large, {}, 2);
    CHECK(std::ranges::equal(a.floats(), large));
    CHECK(std::ranges::equal(b.floats(), small));
    CHECK(std::ranges::equal(c.floats(), large));
    on.backward(ops::mean_squared_error(b, b));
    CHECK(std::ranges::count(d_large, 0.0F) == std::ssize(large)); // nobody used it
    CHECK(std::ranges::count(d_small, 0.0F) == 5);
  }
}

TEST_CASE("a device that is full says so, and computes again when there is room", "[ops][cuda]") {
  const auto net = make_small(model("mlp"));
  net->compute_on(processor_under_test());
  const auto values = parameters(net->parameters(), 1);
  std::vector<float> gradient(values.size());
  const auto step = [&](std::int64_t batch) {
    const auto given = samples(input_of(model("mlp")), batch, 3);
    return net->train({values, given.inputs, given.labels, gradient});
  };
  const float found = step(2);
  set_capacity(std::size_t{35} << 20); // 32 are the stream's already
  CHECK_THROWS_WITH(step(2000), Catch::Contains("CUDA device 0") && Catch::Contains("memory"));
  set_capacity(std::size_t{1} << 30);
  CHECK(step(2) == found);
}
