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
std::vector<transport::frame> small_frames() {
  return {encode(sample_grant(grant_kind::batch)),
          encode(sample_request()),
          encode(sample_reply(3)),
          encode(sample_push(push_verdict::apply)),
          encode(sample_coded_push()),
          encode(sample_lease_request()),
          encode(sample_ack()),
          encode(snapshot_request{sample_stamp(), 5, {}}),
          encode(snapshot_request{sample_stamp(), 5, sample_rows()}),
          encode(sample_row_request()),
          encode(sample_row_reply()),
          encode(sample_row_push()),
          encode(rejection{{errc::fenced, "no"}}),
          encode(sample_input(sample_row_request())),
          encode(sample_input(std::make_shared<const gradient_push>(sample_row_push()))),
          encode(sample_input(sample_view())),
          encode(sample_input(sample_closing())),
          encode(sample_input(sample_switch())),
          encode(sample_piece()),
          encode(input_ack{sample_stamp(), 7})};
}

struct outcome {
  std::size_t decoded = 0;
  std::size_t refused = 0;
};

/// Decodes as T. What comes out keeps the rules, or encode() would throw; and memory stays bounded:
/// a tensor that is not aligned, and a few texts.
template <class T>
void probe_as(const transport::frame& frame, outcome& seen) {
  const auto before = allocated_bytes.load();
  auto got = decode<T>(frame);
  const auto used = allocated_bytes.load() - before;
  if (used > 4 * (frame.head.size() * 8 + frame.payload_bytes()) + 16384)
    FAIL("decode allocated " << used << " bytes");
  if (got) {
    ++seen.decoded;
    encode(got.value());
  } else {
    ++seen.refused;
    if (got.error().code != errc::bad_frame || got.error().text.empty()) FAIL("no bad_frame");
  }
}

outcome probe(const transport::frame& frame) {
  outcome seen;
  probe_as<lease_grant>(frame, seen);
  probe_as<pull_request>(frame, seen);
  probe_as<pull_reply>(frame, seen);
  probe_as<gradient_push>(frame, seen);
  probe_as<lease_request>(frame, seen);
  probe_as<push_ack>(frame, seen);
  probe_as<snapshot_request>(frame, seen);
  probe_as<rejection>(frame, seen);
  probe_as<shard_input>(frame, seen);
  probe_as<input_ack>(frame, seen);
  probe_as<filling_piece>(frame, seen);
  return seen;
}

/// The elements of a tensor are counted; a coded one has as many bytes as came.
bool is_coded(const transport::frame& frame) {
  if (const auto push = decode<gradient_push>(frame)) return !push.value().how.codec.empty();
  const auto input = decode<shard_input>(frame);
  if (!input) return false;
  const auto* push = std::get_if<std::shared_ptr<const gradient_push>>(&input.value().what);
  return push != nullptr && !(*push)->how.codec.empty();
}

} // namespace

TEST_CASE("each frame decodes as its own kind and as no other", "[runtime][wire]") {
  for (const auto& frame : small_frames()) {
    CHECK(probe(frame).decoded == 1);
    CHECK(probe(received(frame)).decoded == 1);
  }
}

TEST_CASE("a head or payload cut off anywhere crashes nothing, and is refused where it matters",
          "[runtime][wire]") {
  for (const auto& frame : small_frames()) {
    const auto whole = to_bytes(frame);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      INFO("kind " << frame.kind << ", payloads " << frame.payloads.size() << " cut to " << length
                   << " of " << whole.size() << " bytes");
      const auto seen = probe(with_bytes(frame, std::span(whole).first(length)));
      if (!is_coded(frame) && length + 8 <= whole.size()) REQUIRE(seen.decoded == 0);
    }
  }
}

TEST_CASE("any one bit flipped crashes nothing", "[runtime][wire]") {
  outcome seen;
  for (const auto& frame : small_frames()) {
    const auto whole = to_bytes(frame);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      auto damaged = whole;
      flip(damaged, bit);
      INFO("bit " << bit);
      const auto one = probe(with_bytes(frame, damaged));
      seen.decoded += one.decoded;
      seen.refused += one.refused - 7;
    }
  }
  // Both happen: flipped elements are another message, flipped pointers are none.
  CHECK(seen.decoded > 1000);
  CHECK(seen.refused > 1000);
}

TEST_CASE("many bytes changed crash nothing", "[runtime][wire]") {
  std::mt19937_64 random(20261123);
  const auto frames = small_frames();
  for (int round = 0; round < 20'000; ++round) {
    const auto& frame = frames[random() % frames.size()];
    auto damaged = to_bytes(frame);
    for (auto changes = 1 + random() % 8; changes > 0; --changes)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    INFO("round " << round);
    probe(with_bytes(frame, damaged));
  }
}

TEST_CASE("a hundred thousand random frames crash nothing", "[runtime][wire]") {
  std::mt19937_64 random(4711);
  const auto frames = small_frames();
  for (int round = 0; round < 100'000; ++round) {
    bytes made(random() % 256);
    for (auto& byte : made) byte = static_cast<char>(random() % 4 ? random() : 0);
    INFO("round " << round);
    probe(with_bytes(frames[random() % frames.size()], made));
  }
}

TEST_CASE("another kind is refused with both named", "[runtime][wire]") {
  CHECK_THAT(decode<pull_reply>(encode(sample_request())).error().text,
             Catch::Contains("kind is 1 (pull request), expected 2 (pull reply)"));
  auto frame = encode(sample_request());
  frame.kind = 77;
  CHECK_THAT(decode<pull_reply>(frame).error().text,
             Catch::Contains("kind is 77 (unknown kind), expected 2 (pull reply)"));
}
