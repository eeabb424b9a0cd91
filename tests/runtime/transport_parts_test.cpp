// The parts of byte transports that know no socket.
#include "runtime/transport/arena.hpp"
#include "runtime/transport/outbox.hpp"
#include "runtime/transport/packing.hpp"
#include "runtime/transport/pulse.hpp"
#include "runtime/transport/record.hpp"
#include "runtime/transport/size_class.hpp"
#include "tests/support/transport_kit.hpp"

#include <map>
#include <random>

namespace lagrange::tests {

using namespace runtime::transport;

TEST_CASE("blocks of one region never overlap, and all of it is found again",
          "[runtime][transport]") {
  constexpr std::uint64_t region = 1 << 20;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    space all(region);
    std::map<std::uint64_t, std::uint64_t> taken; // offset -> bytes
    for (int step = 0; step < 3000; ++step) {
      if (taken.empty() || random() % 5 < 3) {
        const auto bytes = 1 + random() % (random() % 8 == 0 ? 200'000 : 9'000);
        const auto offset = all.take(bytes);
        if (!offset) continue;
        const auto after = taken.upper_bound(*offset);
        REQUIRE((after == taken.end() || *offset + bytes <= after->first));
        REQUIRE((after == taken.begin() ||
                 std::prev(after)->first + std::prev(after)->second <= *offset));
        REQUIRE(*offset % 64 == 0);
        REQUIRE(*offset + bytes <= region);
        taken.emplace(*offset, bytes);
      } else {
        const auto gone = std::next(taken.begin(), static_cast<long>(random() % taken.size()));
        all.give(gone->first, gone->second);
        taken.erase(gone);
      }
    }
    for (const auto& [offset, bytes] : taken) all.give(offset, bytes);
    CHECK(all.take(region));
  }
}

TEST_CASE("a size class wastes at most a quarter, and is its own class", "[runtime][transport]") {
  for (std::uint64_t bytes = 1; bytes < 3'000'000; bytes += 1 + bytes / 100) {
    const auto size = size_class(bytes, 256);
    CHECK(size >= bytes);
    CHECK((size <= 256 || size <= bytes + bytes / 4 + 1));
    CHECK(size_class(size, 256) == size);
  }
}

TEST_CASE("the block given back last is dealt first, and few are kept", "[runtime][transport]") {
  const auto pool = std::make_shared<block_pool>(std::size_t{5} << 20);
  auto first = pool->take(1 << 20), second = pool->take(1 << 20);
  auto* const last = second.data();
  first = {};
  second = {};
  CHECK(pool->take(1 << 20).data() == last);
  const auto huge = pool->take(3 << 20);
  CHECK(reinterpret_cast<std::uintptr_t>(huge.data()) % (2 << 20) == 0);
}

TEST_CASE("patience grows with the gaps that were seen, within its limits",
          "[runtime][transport]") {
  using std::chrono::seconds;
  const pulse::time_point start{};
  pulse beats(seconds(2), seconds(10), start);
  CHECK(beats.patience() == seconds(2));
  CHECK_FALSE(beats.is_over(start + seconds(2)));
  CHECK(beats.is_over(start + std::chrono::milliseconds(2001)));
  beats.heard(start + std::chrono::milliseconds(500));
  CHECK(beats.patience() == seconds(4));
  beats.heard(start + std::chrono::milliseconds(2500));
  CHECK(beats.patience() == seconds(10));
  for (int i = 0; i < 200; ++i) beats.fade();
  CHECK(beats.patience() == seconds(2));
  const auto now = start + seconds(9);
  CHECK(beats.is_over(now));
  beats.forgive(seconds(5), now);
  CHECK_FALSE(beats.is_over(now));
  beats.forgive(seconds(50), now);
  CHECK(beats.silent_for(now) == seconds(0));
}

namespace {

std::unique_ptr<outgoing> item(std::uint16_t kind, urgency first, std::size_t payload_bytes) {
  auto made = std::make_unique<outgoing>(frame_of(kind, first));
  if (payload_bytes > 0) made->what.payloads.push_back(random_bytes(payload_bytes, 1));
  return made;
}
std::uint16_t take_next(outbox& box) {
  const auto* next = box.next();
  return next != nullptr ? box.take(next->what.first)->what.kind : std::uint16_t{0};
}

} // namespace

TEST_CASE("what waits leaves by urgency and age, and frames without payloads need no credit",
          "[runtime][transport]") {
  outbox box(1000, 100'000);
  box.put(item(1, urgency::bulk, 600));
  box.put(item(2, urgency::gradients, 800));
  box.put(item(3, urgency::gradients, 300));
  box.put(item(4, urgency::bulk, 0));
  box.put(item(5, urgency::control, 0));
  CHECK(take_next(box) == 5);
  CHECK(take_next(box) == 2);
  // 3 waits for credit, and 1, which is less urgent, does not take it away; 4 is behind 1.
  CHECK(take_next(box) == 0);
  CHECK(box.is_starved());
  CHECK_FALSE(box.give_back(801, 1));
  CHECK(box.give_back(800, 1));
  CHECK(take_next(box) == 3);
  CHECK(take_next(box) == 1);
  CHECK(take_next(box) == 4);
  CHECK(box.is_empty());
  CHECK(box.queued_bytes() == 0);
  CHECK(box.held_bytes() == 900);
}

TEST_CASE("BP-1: a queue refuses what is more than its limit, but for small control frames",
          "[runtime][transport]") {
  outbox box(1 << 20, 10'000);
  const auto large = item(1, urgency::gradients, 50'000);
  CHECK(box.has_room_for(*large)); // one frame always may wait
  box.put(item(1, urgency::gradients, 50'000));
  CHECK_FALSE(box.has_room_for(*item(2, urgency::gradients, 1)));
  std::size_t passed = 0;
  for (; passed < 100'000 && box.has_room_for(*item(3, urgency::control, 0)); ++passed)
    box.put(item(3, urgency::control, 0));
  CHECK(passed > 1000);
  CHECK(passed < 100'000);
  CHECK(box.queued_bytes() < limits::control_bytes_max + 60'000);
}

TEST_CASE("a record with any bit flipped is refused", "[runtime][transport]") {
  record x;
  x.type = record_type::frame;
  x.payloads = 2;
  x.sizes = {100, 9};
  x.head_words = 3;
  x.bytes = 133;
  x.total = 133;
  seal(x);
  std::array<std::byte, record_bytes> bytes;
  std::memcpy(bytes.data(), &x, sizeof x);
  REQUIRE(open_record(bytes));
  for (std::size_t bit = 0; bit < 8 * record_bytes; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte(1 << bit % 8);
    const auto opened = open_record(flipped);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == runtime::errc::bad_frame);
  }
}

TEST_CASE("a record whose numbers break a limit is refused, though its checksum is right",
          "[runtime][transport]") {
  const auto is_refused = [](auto change) {
    record x;
    x.type = record_type::frame;
    x.payloads = 1;
    x.sizes[0] = 100;
    x.total = x.bytes = 100;
    change(x);
    seal(x);
    return !open_record(std::as_bytes(std::span<const record, 1>(&x, 1)));
  };
  CHECK_FALSE(is_refused([](record&) {}));
  CHECK(is_refused([](record& x) { x.type = static_cast<record_type>(0); }));
  CHECK(is_refused([](record& x) { x.type = static_cast<record_type>(7); }));
  CHECK(is_refused([](record& x) { x.first = static_cast<urgency>(5); }));
  CHECK(is_refused([](record& x) { x.payloads = 9; }));
  CHECK(is_refused([](record& x) { x.payloads = 0; }));
  CHECK(is_refused([](record& x) { x.head_words = 4097; }));
  CHECK(is_refused([](record& x) { x.total = 99; }));
  CHECK(is_refused([](record& x) { x.packed = 2; }));
  CHECK(is_refused([](record& x) { x.packed = 1; }));
  CHECK(is_refused([](record& x) { x.sizes[0] = 0xFFFFFFFF, x.total = 0xFFFFFFFF; }));
}

TEST_CASE("packed payloads come back in pieces of any size, and damaged ones are refused",
          "[runtime][transport]") {
  auto smooth = ops::tensor(ops::dtype::u8, {600'000});
  for (std::size_t i = 0; i < smooth.size_bytes(); ++i)
    smooth.bytes()[i] = static_cast<std::byte>(i / 1000);
  const auto what = frame_of(1, urgency::bulk, {smooth});
  const auto pool = std::make_shared<block_pool>(0);
  packer packs;
  const auto packed = packs.pack(what, *pool);
  REQUIRE(packed);
  CHECK(packed->bytes < smooth.size_bytes() / 10);
  unpacker unpacks;
  const auto unpack = [&](std::vector<std::byte> from, std::size_t step) {
    unpacks.start();
    std::vector<std::byte> to(smooth.size_bytes());
    std::span<std::byte> room(to);
    for (std::size_t at = 0; at < from.size() && !unpacks.is_over(); at += step) {
      auto piece = std::span<const std::byte>(from).subspan(at, std::min(step, from.size() - at));
      while (!piece.empty() && !unpacks.is_over())
        if (!unpacks.unpack(piece, room)) return false;
    }
    return std::memcmp(to.data(), smooth.bytes(), to.size()) == 0;
  };
  const std::vector<std::byte> bytes(packed->memory.data(), packed->memory.data() + packed->bytes);
  for (const std::size_t step : {1u, 7u, 1000u, 1u << 20}) CHECK(unpack(bytes, step));
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    auto damaged = bytes;
    damaged[random() % damaged.size()] ^= std::byte(1 + random() % 255);
    unpack(damaged, 1 + random() % 5000); // whatever it says, it touches nothing else
  }
}

} // namespace lagrange::tests
