#include "tests/support/cuda_device.hpp"

#include <array>
#include <string>

using namespace lagrange;
using namespace lagrange::tests;

namespace {

std::string reason(cuda::status why) { return why == nullptr ? "" : why; }

// Memory of a stream, given back at the end.
struct block {
  gpu& on;
  void* memory = nullptr;
  block(gpu& of, std::size_t size_bytes) : on(of) {
    check(on.table.allocate(on.stream, size_bytes, &memory));
  }
  ~block() { on.table.release(on.context, memory); }
  block(const block&) = delete;
  block& operator=(const block&) = delete;
};

} // namespace

TEST_CASE("a device is described in a line", "[ops][cuda]") {
  const auto& table = backend_under_test();
  int count = 0;
  check(table.count_devices(&count));
  REQUIRE(count >= 1);
  std::array<char, 128> text{};
  check(table.describe_device(0, text.data(), text.size()));
  CHECK_THAT(text.data(), Catch::Contains("sm_") && Catch::Contains("GiB"));
  CHECK_THAT(text.data(), Catch::Matches(".* [1-9]\\d* multiprocessors.*CUDA \\d+\\.\\d+, driver "
                                         "\\d+\\.\\d+, cuBLAS \\d+\\.\\d+\\.\\d+"));
  CHECK(table.describe_device(count, text.data(), text.size()) != nullptr);
}

TEST_CASE("what is copied in comes out, after whatever was given to the stream before",
          "[ops][cuda]") {
  gpu on;
  const auto x = drawn(1000, 1);
  device_array<float> a(on, x), b(on, 1000);
  check(on.table.copy_within(on.stream, b.data(), a.data(), 1000 * sizeof(float)));
  check(on.table.clear(on.stream, a.data(), 1000 * sizeof(float)));
  CHECK(is_same(b.values(), x));
  CHECK(is_same(a.values(), std::vector<float>(1000)));
}

TEST_CASE("a stream waits for an event of another", "[ops][cuda]") {
  gpu on;
  cuda::stream* second = nullptr;
  cuda::event* point = nullptr;
  check(on.table.open_stream(on.context, &second));
  check(on.table.open_event(on.context, &point));
  int reached = 0;
  check(on.table.is_reached(point, &reached));
  CHECK(reached == 1); // of what was never recorded
  {
    const std::int64_t count = 100'000;
    device_array<float> x(on, std::vector<float>(static_cast<std::size_t>(count), 1)), y(on, count);
    for (int i = 0; i < 20; ++i)
      check(on.table.axpy(on.stream, {ops::dtype::f32, count, 1, x.data(), x.data()}));
    check(on.table.record(on.stream, point));
    check(on.table.wait(second, point));
    check(on.table.share(second, x.memory()));
    check(on.table.copy_within(second, y.data(), x.data(), 4 * static_cast<std::size_t>(count)));
    check(on.table.synchronise(second));
    check(on.table.is_reached(point, &reached));
    CHECK(reached == 1);
    CHECK(y.values() == std::vector<float>(static_cast<std::size_t>(count), 1 << 20));
  }
  check(on.table.close_event(point));
  check(on.table.close_stream(second));
}

TEST_CASE("an event is reached in the end without anybody waiting", "[ops][cuda]") {
  gpu on;
  cuda::event* point = nullptr;
  check(on.table.open_event(on.context, &point));
  device_array<float> x(on, 1000);
  check(on.table.clear(on.stream, x.data(), 4000));
  check(on.table.record(on.stream, point));
  int reached = 0;
  for (int i = 0; i < 100'000'000 && reached == 0; ++i) check(on.table.is_reached(point, &reached));
  CHECK(reached == 1);
  check(on.table.close_event(point));
}

TEST_CASE("memory is used again within its stream, and counted", "[ops][cuda]") {
  gpu on;
  cuda::memory_use before, during, after;
  check(on.table.memory(on.context, &before));
  void* first = nullptr;
  {
    const block taken(on, 10'000);
    first = taken.memory;
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 256 == 0);
    check(on.table.memory(on.context, &during));
    CHECK(during.used_bytes >= before.used_bytes + 10'000);
  }
  check(on.table.memory(on.context, &after));
  CHECK(after.used_bytes == before.used_bytes);
  CHECK(after.held_bytes == during.held_bytes);
  const block again(on, 9'999);
  CHECK(again.memory == first);
}

TEST_CASE("what cannot be done comes back as a reason", "[ops][cuda]") {
  gpu on;
  void* memory = nullptr;
  CHECK_THAT(reason(on.table.allocate(on.stream, std::size_t{1} << 40, &memory)),
             Catch::Contains("not enough"));
  CHECK_THAT(reason(on.table.allocate(on.stream, SIZE_MAX, &memory)),
             Catch::Contains("not enough"));
  int host = 0;
  CHECK_THAT(reason(on.table.release(on.context, &host)), Catch::Contains("nobody"));
  CHECK_THAT(reason(on.table.share(on.stream, &host)), Catch::Contains("nobody"));
  int count = 0;
  check(on.table.count_devices(&count));
  cuda::context* none = nullptr;
  CHECK(on.table.open(count, 1, &none) != nullptr);
  CHECK(none == nullptr);
  cuda::context* small = nullptr;
  check(on.table.open(0, 1000, &small));
  cuda::stream* stream = nullptr;
  CHECK_THAT(reason(on.table.open_stream(small, &stream)), Catch::Contains("32 MiB"));
  CHECK(stream == nullptr);
  check(on.table.close(small));
}
