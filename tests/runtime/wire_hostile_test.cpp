// Bytes from outside: cut off, too long, flipped, random. Every one gives an error or a message
// that keeps the rules; none crashes, and none makes the reader allocate more than came.
#include "runtime/wire.hpp"
#include "tests/support/frame_bytes.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;

namespace {
std::atomic<std::size_t> allocated_bytes{0};

// Not inlined, or the compiler takes the pair of new and free for a mistake.
[[gnu::noinline]] void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  const auto to = static_cast<std::size_t>(alignment);
  allocated_bytes += size;
  return std::aligned_alloc(to, (size + to - 1) / to * to);
}
[[gnu::noinline]] void release(void* memory) noexcept { std::free(memory); }

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
constexpr std::align_val_t normal{alignof(std::max_align_t)};
} // namespace

// The whole test program counts what it allocates. The forms without throw are replaced too,
// because a sanitizer has its own.
void* operator new(std::size_t size) { return or_throw(allocate(size, normal)); }
void* operator new(std::size_t size, std::align_val_t to) { return or_throw(allocate(size, to)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, normal);
}
void* operator new(std::size_t size, std::align_val_t to, const std::nothrow_t&) noexcept {
  return allocate(size, to);
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

namespace {

/// One frame of each kind, small enough to try everything on.
std::vector<std::vector<char>> small_frames() {
  return {encode(sample_grant(grant_kind::batch)), encode(sample_request()),
          encode(sample_reply(3)), encode(sample_push(push_verdict::apply))};
}

struct outcome {
  std::size_t decoded = 0;
  std::size_t refused = 0;
};

/// Decodes as T. What comes out keeps the rules, or encode() would throw; and memory stays bounded:
/// tensors, an aligned copy, and a few texts.
template <class T>
void probe_as(std::span<const char> frame, outcome& seen) {
  const auto before = allocated_bytes.load();
  auto got = decode<T>(frame);
  const auto used = allocated_bytes.load() - before;
  if (used > 4 * frame.size() + 16384) FAIL("decode allocated " << used << " bytes");
  if (got) {
    ++seen.decoded;
    encode(got.value());
  } else {
    ++seen.refused;
    if (got.error().code != errc::bad_frame || got.error().text.empty()) FAIL("no bad_frame");
  }
}

outcome probe(std::span<const char> frame) {
  outcome seen;
  probe_as<lease_grant>(frame, seen);
  probe_as<pull_request>(frame, seen);
  probe_as<pull_reply>(frame, seen);
  probe_as<gradient_push>(frame, seen);
  return seen;
}

} // namespace

TEST_CASE("each frame decodes as its own kind and as no other", "[runtime][wire]") {
  for (const auto& frame : small_frames()) CHECK(probe(frame).decoded == 1);
}

TEST_CASE("a frame cut off anywhere is refused", "[runtime][wire]") {
  for (const auto& frame : small_frames())
    for (std::size_t length = 0; length < frame.size(); ++length) {
      INFO("cut to " << length << " of " << frame.size() << " bytes");
      REQUIRE(probe(std::span(frame).first(length)).decoded == 0);
      if (length < 24) continue;
      std::vector<char> cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
      std::memcpy(cut.data() + 8, &length, sizeof length);
      reseal(cut);
      const auto seen = probe(cut);
      REQUIRE(seen.decoded == 0);
    }
}

TEST_CASE("a frame with anything behind it is refused", "[runtime][wire]") {
  for (auto frame : small_frames())
    for (int more = 1; more <= 16; ++more) {
      frame.push_back(0);
      REQUIRE(probe(frame).decoded == 0);
      auto sealed = frame;
      const std::uint64_t length = sealed.size();
      std::memcpy(sealed.data() + 8, &length, sizeof length);
      reseal(sealed);
      REQUIRE(probe(sealed).decoded == 0);
    }
}

TEST_CASE("a frame with any one bit flipped is refused", "[runtime][wire]") {
  for (const auto& frame : small_frames())
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      auto damaged = frame;
      flip(damaged, bit);
      INFO("bit " << bit);
      REQUIRE(probe(damaged).decoded == 0);
    }
}

TEST_CASE("any one bit flipped behind a right checksum crashes nothing", "[runtime][wire]") {
  outcome seen;
  for (const auto& frame : small_frames())
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      auto damaged = frame;
      flip(damaged, bit);
      reseal(damaged);
      INFO("bit " << bit);
      const auto one = probe(damaged);
      seen.decoded += one.decoded;
      seen.refused += one.refused - 3;
    }
  // Both happen: flipped elements are another message, flipped pointers are none.
  CHECK(seen.decoded > 1000);
  CHECK(seen.refused > 1000);
}

TEST_CASE("many bytes changed behind a right checksum crash nothing", "[runtime][wire]") {
  std::mt19937_64 random(20261123);
  const auto frames = small_frames();
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = frames[random() % frames.size()];
    for (auto changes = 1 + random() % 8; changes > 0; --changes)
      damaged[24 + random() % (damaged.size() - 24)] = static_cast<char>(random());
    reseal(damaged);
    INFO("round " << round);
    probe(damaged);
  }
}

TEST_CASE("a hundred thousand random frames are refused", "[runtime][wire]") {
  std::mt19937_64 random(4711);
  const auto frames = small_frames();
  for (int round = 0; round < 100'000; ++round) {
    std::vector<char> frame(random() % 256);
    for (auto& byte : frame) byte = static_cast<char>(random() % 4 ? random() : 0);
    if (round % 2 == 0 && frame.size() >= 32) { // a right header before a random body
      frame.resize(frame.size() / 8 * 8);
      const auto& whole = frames[random() % frames.size()];
      std::copy(whole.begin(), whole.begin() + 24, frame.begin());
      const std::uint64_t length = frame.size();
      std::memcpy(frame.data() + 8, &length, sizeof length);
      reseal(frame);
      probe(frame);
    } else {
      INFO("round " << round);
      REQUIRE(probe(frame).decoded == 0);
    }
  }
}

TEST_CASE("a header that contradicts the frame is refused behind a right checksum",
          "[runtime][wire]") {
  auto frame = encode(sample_request());
  frame[8] = static_cast<char>(frame[8] + 8);
  reseal(frame);
  CHECK_THAT(decode<pull_request>(frame).error().text,
             Catch::Contains("length in the header is 112 bytes, expected 104"));
  frame = encode(sample_request());
  frame[20] = 1;
  reseal(frame);
  CHECK_THAT(decode<pull_request>(frame).error().text,
             Catch::Contains("reserved header field is 1, expected 0"));
}

TEST_CASE("another protocol version is refused with both named", "[runtime][wire]") {
  for (auto frame : small_frames()) {
    frame[4] = 9;
    reseal(frame);
    CHECK(probe(frame).decoded == 0);
    CHECK_THAT(decode<gradient_push>(frame).error().text,
               Catch::Contains("protocol version is 9, expected 1"));
  }
}

TEST_CASE("another kind is refused with both named", "[runtime][wire]") {
  CHECK_THAT(decode<pull_reply>(encode(sample_request())).error().text,
             Catch::Contains("kind is 1 (pull request), expected 2 (pull reply)"));
}

TEST_CASE("a frame over the limit is refused before it is looked at", "[runtime][wire]") {
  const auto size = wire_limits::frame_bytes_max + 8;
  const std::unique_ptr<char, decltype(&std::free)> memory(static_cast<char*>(std::calloc(size, 1)),
                                                           &std::free);
  REQUIRE(memory != nullptr);
  CHECK_THAT(decode<pull_reply>({memory.get(), size}).error().text,
             Catch::Contains("length is 268435464 bytes, expected at most 268435456"));
}
