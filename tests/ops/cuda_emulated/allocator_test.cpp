// The rules of the caching allocator, on a device that is only told of.
#include "ops/cuda/caching_allocator.hpp"
#include "ops/random.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <new>
#include <set>

namespace {
long heap_allocations = 0;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++heap_allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  if (void* made = operator new(size, std::nothrow)) return made;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace lagrange::ops;
using namespace lagrange::ops::cuda;

namespace {

// Memory that is only numbers, and streams whose progress the test decides on.
class told_device final : public device_memory {
public:
  void* obtain(std::size_t size_bytes) override {
    ++asked;
    if (size_bytes > capacity_bytes - used_bytes) return nullptr;
    used_bytes += size_bytes;
    next_ += 1 << 20;
    held_[next_] = size_bytes;
    return reinterpret_cast<void*>(next_);
  }
  void give_back(void* memory) override {
    const auto found = held_.extract(reinterpret_cast<std::uintptr_t>(memory));
    REQUIRE_FALSE(found.empty());
    used_bytes -= found.mapped();
  }
  std::uint64_t mark(const void* stream) override {
    marks_[++last_] = stream;
    return last_;
  }
  bool is_past(std::uint64_t mark) override {
    REQUIRE(marks_.contains(mark));
    return done.contains(marks_[mark]) && marks_.erase(mark) == 1;
  }
  void forget(std::uint64_t mark) override { REQUIRE(marks_.erase(mark) == 1); }
  std::size_t open_marks() const { return marks_.size(); }

  std::size_t capacity_bytes = 1 << 20;
  std::size_t used_bytes = 0;
  int asked = 0;
  std::set<const void*> done; // streams that are past all their marks

private:
  std::uintptr_t next_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::uintptr_t, std::size_t> held_;
  std::map<std::uint64_t, const void*> marks_;
};

constexpr std::size_t no_limit = SIZE_MAX;
constexpr char names[2] = {};
const void* const first = &names[0];
const void* const second = &names[1];

} // namespace

TEST_CASE("sizes are rounded up by an eighth at most, and to themselves again", "[ops][cuda]") {
  CHECK(size_class(0) == 512);
  CHECK(size_class(1) == 512);
  CHECK(size_class(513) == 1024);
  CHECK(size_class(8192) == 8192);
  CHECK(size_class(8193) == 9216);
  CHECK(size_class((1 << 20) + 1) == (1 << 20) + (1 << 17));
  CHECK(size_class(SIZE_MAX) == SIZE_MAX);
  for (std::size_t size = 1; size < 1'000'000; size += 97) {
    const auto rounded = size_class(size);
    const bool is_close = rounded >= size && (size < 4096 || rounded <= size + size / 8 + 1);
    if (!is_close || size_class(rounded) != rounded || rounded % 512 != 0) FAIL(size);
  }
}

TEST_CASE("released memory goes to the next of its stream and size", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, no_limit);
  void* const one = allocator.allocate(first, 5000);
  void* const other = allocator.allocate(first, 5000);
  CHECK(one != other);
  REQUIRE(allocator.release(one));
  REQUIRE(allocator.release(other));
  CHECK(allocator.allocate(first, 4999) == other); // the last released
  CHECK(allocator.allocate(first, 4700) == one);
  CHECK(device.asked == 2);
  CHECK(allocator.use().held_bytes == device.used_bytes);
  CHECK(allocator.use().used_bytes == device.used_bytes);
}

TEST_CASE("released memory does not go to another stream or size", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, no_limit);
  void* const one = allocator.allocate(first, 5000);
  REQUIRE(allocator.release(one));
  CHECK(allocator.allocate(second, 5000) != one);
  CHECK(allocator.allocate(first, 6000) != one);
  CHECK(allocator.allocate(first, 5000) == one);
}

TEST_CASE("memory that another stream uses waits for that stream", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, no_limit);
  void* const one = allocator.allocate(first, 5000);
  REQUIRE(allocator.share(second, one));
  REQUIRE(allocator.share(second, one));
  REQUIRE(allocator.share(first, one)); // its own
  REQUIRE(allocator.release(one));
  CHECK(device.open_marks() == 1);
  void* const other = allocator.allocate(first, 5000);
  CHECK(other != one);
  device.done.insert(second);
  CHECK(allocator.allocate(first, 5000) == one);
  CHECK(device.open_marks() == 0);
  REQUIRE(allocator.release(one)); // nobody shares it this time
  CHECK(device.open_marks() == 0);
}

TEST_CASE("at the limit, and without memory, what is kept is given back first", "[ops][cuda]") {
  for (const bool has_limit : {true, false}) {
    told_device device;
    device.capacity_bytes = has_limit ? 1 << 20 : 16 << 10;
    caching_allocator allocator(device, has_limit ? 16 << 10 : no_limit);
    void* const kept = allocator.allocate(first, 8 << 10);
    void* const used = allocator.allocate(first, 4 << 10);
    REQUIRE(allocator.share(second, kept));
    REQUIRE(allocator.release(kept));
    CHECK(allocator.allocate(first, 12 << 10) != nullptr);
    CHECK(device.used_bytes == 16 << 10);
    CHECK(device.open_marks() == 0);
    CHECK(allocator.allocate(first, 512) == nullptr);
    REQUIRE(allocator.release(used));
    CHECK(allocator.allocate(second, 512) != nullptr);
    CHECK(allocator.use().held_bytes_max == 16 << 10);
    CHECK(allocator.use().held_bytes == device.used_bytes);
  }
}

TEST_CASE("memory is released once, by whoever allocated it", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, no_limit);
  int foreign = 0;
  CHECK_FALSE(allocator.release(&foreign));
  void* const one = allocator.allocate(first, 1);
  REQUIRE(allocator.release(one));
  CHECK_FALSE(allocator.release(one));
  CHECK_FALSE(allocator.share(second, one));
}

TEST_CASE("a stream that ends leaves no memory behind", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, no_limit);
  void* const used = allocator.allocate(first, 5000);
  void* const kept = allocator.allocate(first, 5000);
  void* const other = allocator.allocate(second, 5000);
  REQUIRE(allocator.share(first, other));
  REQUIRE(allocator.release(kept));
  allocator.close_stream(first);
  CHECK(device.used_bytes == 2 * size_class(5000));
  REQUIRE(allocator.release(used));
  CHECK(device.used_bytes == size_class(5000));
  REQUIRE(allocator.release(other));
  CHECK(device.open_marks() == 0); // the ended stream's work is done
  CHECK(allocator.allocate(first, 5000) != other);
}

TEST_CASE("an allocator that ends gives everything back", "[ops][cuda]") {
  told_device device;
  {
    caching_allocator allocator(device, no_limit);
    REQUIRE(allocator.allocate(first, 5000) != nullptr);
    void* const shared = allocator.allocate(first, 7000);
    REQUIRE(allocator.share(second, shared));
    REQUIRE(allocator.release(shared));
  }
  CHECK(device.used_bytes == 0);
  CHECK(device.open_marks() == 0);
}

TEST_CASE("sizes seen before ask neither the device nor the heap", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, no_limit);
  const auto step = [&] {
    void* held[10];
    for (std::size_t i = 0; i < 10; ++i) held[i] = allocator.allocate(first, 1000 * i);
    for (void* each : held) allocator.release(each);
  };
  step();
  const auto heap = heap_allocations;
  const auto asked = device.asked;
  for (int i = 0; i < 10; ++i) step();
  CHECK(heap_allocations == heap);
  CHECK(device.asked == asked);
}

TEST_CASE("whatever is asked for in whatever order, no two hold the same memory", "[ops][cuda]") {
  told_device device;
  caching_allocator allocator(device, 300 << 10);
  const random_sequence drawn(1, 0);
  std::set<void*> held;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const auto bits = drawn.bits(i);
    const void* stream = bits % 2 == 0 ? first : second;
    if (bits / 2 % 8 == 0)
      device.done.contains(stream) ? device.done.erase(stream) : device.done.insert(stream).second;
    if (bits / 16 % 2 == 0 && !held.empty()) {
      const auto taken = held.extract(held.begin());
      if (bits / 32 % 3 == 0) REQUIRE(allocator.share(stream, taken.value()));
      REQUIRE(allocator.release(taken.value()));
    } else if (void* made = allocator.allocate(stream, bits >> 40 & 0x7FFF); made != nullptr) {
      REQUIRE(held.insert(made).second);
    }
    REQUIRE(allocator.use().held_bytes == device.used_bytes);
    REQUIRE(device.used_bytes <= 300 << 10);
  }
}
