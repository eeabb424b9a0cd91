// A step of training as a worker gives it to the device: what it waits for, and what it asks for.
#include "tests/support/cuda_device.hpp"
#include "tests/support/cuda_emulated_runtime.hpp"

using namespace lagrange;
using namespace lagrange::tests;
using cuda::lies;
using ops::dtype;

namespace {

constexpr std::int64_t batch = 33, inputs = 31, hidden = 20, classes = 10;
constexpr std::int64_t w1 = inputs * hidden, w2 = hidden * classes;
constexpr std::int64_t parameters = w1 + hidden + w2 + classes;

// Floats of the host that copies may be asynchronous from and to.
class pinned {
public:
  pinned(gpu& on, std::int64_t count) : on_(on) {
    check(on.table.allocate_pinned(on.context, static_cast<std::size_t>(count) * 4, &memory_));
  }
  ~pinned() { on_.table.release_pinned(on_.context, memory_); }
  pinned(const pinned&) = delete;
  pinned& operator=(const pinned&) = delete;
  float* data() { return static_cast<float*>(memory_); }

private:
  gpu& on_;
  void* memory_ = nullptr;
};

// Floats of the device for one step.
class temporary {
public:
  temporary(gpu& on, std::int64_t count) : on_(on) {
    check(on.table.allocate(on.stream, static_cast<std::size_t>(count) * 4, &memory_));
  }
  ~temporary() { on_.table.release(on_.context, memory_); }
  temporary(const temporary&) = delete;
  temporary& operator=(const temporary&) = delete;
  float* data() { return static_cast<float*>(memory_); }

private:
  gpu& on_;
  void* memory_ = nullptr;
};

// Forward and backward of a perceptron with one hidden layer: parameters, samples and labels (as
// bits) in, gradient and loss out.
void step(gpu& on, pinned& in, pinned& out) {
  const auto& table = on.table;
  auto* const s = on.stream;
  temporary given(on, parameters + batch * inputs + batch), result(on, parameters + 1),
      y(on, batch * hidden), logits(on, batch * classes), d_y(on, batch * hidden);
  float *const p = given.data(), *const x = p + parameters, *const g = result.data();
  const auto* labels = reinterpret_cast<std::int32_t*>(x + batch * inputs);
  float *const p2 = p + w1 + hidden, *const g2 = g + w1 + hidden;
  constexpr auto f32 = dtype::f32;
  const auto relu = cuda::activation::relu;
  check(table.copy_in(s, p, in.data(), (parameters + batch * inputs + batch) * 4));
  check(table.product(s, {f32, f32, batch, inputs, hidden, {x}, {p}, y.data()}));
  check(table.add_bias(s, {relu, f32, batch, hidden, y.data(), p + w1, nullptr, y.data()}));
  check(table.product(s, {f32, f32, batch, hidden, classes, {y.data()}, {p2}, logits.data()}));
  check(table.add_bias(s, {cuda::activation::identity, f32, batch, classes, logits.data(), p2 + w2,
                           nullptr, logits.data()}));
  check(table.cross_entropy(s, {f32, batch, classes, 0, 1.0F / batch, logits.data(), labels,
                                g + parameters, nullptr, logits.data()}));
  check(table.product(
      s, {f32, f32, hidden, batch, classes, {y.data(), lies::transposed}, {logits.data()}, g2}));
  check(table.sum_rows(s, {f32, batch, classes, logits.data(), g2 + w2}));
  check(table.product(
      s, {f32, f32, batch, classes, hidden, {logits.data()}, {p2, lies::transposed}, d_y.data()}));
  check(table.activation_slopes(s, {relu, f32, batch * hidden, y.data(), d_y.data(), d_y.data()}));
  check(
      table.product(s, {f32, f32, inputs, batch, hidden, {x, lies::transposed}, {d_y.data()}, g}));
  check(table.sum_rows(s, {f32, batch, hidden, d_y.data(), g + w1}));
  check(table.copy_out(s, out.data(), g, (parameters + 1) * 4));
  check(table.synchronise(s));
}

void fill(pinned& in) {
  const auto values = drawn(parameters + batch * inputs, 1);
  std::copy(values.begin(), values.end(), in.data());
  for (std::int64_t i = 0; i < batch; ++i) {
    const auto label = static_cast<std::int32_t>(i % classes);
    std::memcpy(in.data() + parameters + batch * inputs + i, &label, 4);
  }
}

} // namespace

TEST_CASE("a step waits once, and asks the device for memory the first time only", "[ops][cuda]") {
  gpu on;
  pinned in(on, parameters + batch * inputs + batch), out(on, parameters + 1),
      again(on, parameters + 1);
  fill(in);
  step(on, in, out);
  const auto waits = synchronisations(), allocations = device_allocations();
  for (int i = 0; i < 3; ++i) {
    step(on, in, again);
    CHECK(std::equal(out.data(), out.data() + parameters + 1, again.data()));
  }
  CHECK(synchronisations() - waits == 3);
  CHECK(device_allocations() == allocations);
}

TEST_CASE("steps down the gradient of the device lessen the loss", "[ops][cuda]") {
  gpu on;
  pinned in(on, parameters + batch * inputs + batch), out(on, parameters + 1);
  fill(in);
  step(on, in, out);
  const float first = out.data()[parameters];
  for (int i = 0; i < 40; ++i) {
    for (std::int64_t j = 0; j < parameters; ++j) in.data()[j] -= 1.0F * out.data()[j];
    step(on, in, out);
  }
  CHECK(first > 2);
  CHECK(out.data()[parameters] < 0.5F);
}

TEST_CASE("a device that is full gives back what is kept, and then says so", "[ops][cuda]") {
  gpu on(std::size_t{1} << 40);
  set_capacity(std::size_t{40} << 20); // 32 are a stream's already
  void *kept = nullptr, *used = nullptr;
  check(on.table.allocate(on.stream, 6 << 20, &kept));
  check(on.table.release(on.context, kept));
  CHECK(on.table.allocate(on.stream, 7 << 20, &used) == nullptr);
  CHECK_THAT(on.table.allocate(on.stream, 2 << 20, &kept), Catch::Contains("not enough"));
  device_array<float> sum(on, 1);
  CHECK(on.table.sum_squares(on.stream, {dtype::f32, 100, used, sum.data()}) == nullptr);
  CHECK_THAT(on.table.attention(
                 on.stream, {dtype::f32, {1, 1000, 1, 1000}, cuda::mask::none, used, used, used}),
             Catch::Contains("scratch"));
  set_capacity(std::size_t{1} << 30);
  check(on.table.release(on.context, used));
}
