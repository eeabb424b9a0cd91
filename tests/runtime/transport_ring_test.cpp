// Memory shared with a peer that means harm, or is broken: an error and a closed link, never more.
#include "runtime/transport/plain_stream.hpp"
#include "runtime/transport/poller.hpp"
#include "runtime/transport/shared_hello.hpp"
#include "runtime/transport/shared_outlet.hpp"
#include "runtime/wire_checksum.hpp"
#include "tests/support/transport_kit.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <random>

namespace lagrange::tests {

using namespace runtime::transport;

namespace {

constexpr std::uint64_t credit_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t room_bytes = 2 * credit_bytes;
constexpr std::uint64_t arena_bytes = 1 << 20;

patience patient() { return patience(std::chrono::steady_clock::now() + long_enough); }

descriptor copy_of(const descriptor& x) { return descriptor(::fcntl(x.get(), F_DUPFD_CLOEXEC, 0)); }

/// Both halves of one direction, in one process.
struct direction {
  direction()
      : own(std::make_shared<arena>(arena_bytes)), file(channel::make_file(room_bytes)),
        bell(std::make_shared<descriptor>(make_doorbell())),
        theirs(file, room_bytes, access::write), outlet(file, room_bytes, own, bell),
        inlet(std::make_shared<shared_inlet>(shared_memory_of_peer{copy_of(file), room_bytes,
                                                                   copy_of(own->file()),
                                                                   arena_bytes, bell},
                                             credit_bytes, std::make_shared<block_pool>(0))) {}

  /// Hands out what the ring holds. False: something was refused.
  bool drain() {
    for (;;) {
      frame what;
      const auto next = inlet->next(what);
      if (!next) {
        CHECK(next.error().code == runtime::errc::bad_frame);
        why = next.error().text;
        return false;
      }
      if (next.value() == shared_inlet::found::nothing) return true;
      came.push_back(std::move(what));
    }
  }

  std::shared_ptr<arena> own;
  descriptor file;
  std::shared_ptr<const descriptor> bell;
  channel theirs; ///< the ring as somebody has it who writes what they like
  shared_outlet outlet;
  std::shared_ptr<shared_inlet> inlet;
  std::vector<frame> came;
  std::string why;
};

frame random_frame(std::uint16_t kind, std::mt19937_64& random) {
  std::vector<ops::tensor> payloads;
  for (auto left = random() % 4; left > 0; --left)
    payloads.push_back(random_bytes(random() % 30'000, random()));
  return frame_of(kind, static_cast<urgency>(random() % urgencies), std::move(payloads));
}

std::uint64_t sum_of(const frame& x) {
  std::uint64_t sum = 0;
  for (const auto& each : x.payloads)
    for (const auto byte : each.values<std::uint8_t>()) sum += byte;
  return sum;
}

} // namespace

TEST_CASE("frames pass the ring in order, however often it comes round", "[runtime][transport]") {
  direction ring;
  std::mt19937_64 random(3);
  for (std::uint16_t i = 0; i < 3000; ++i) {
    const auto sent = random_frame(i, random);
    REQUIRE(ring.outlet.put(sent).value());
    REQUIRE(ring.drain());
    REQUIRE(ring.came.size() == 1);
    REQUIRE(is_same(ring.came[0], sent));
    ring.came.clear();
    REQUIRE(ring.outlet.reclaim().value().frames == (sent.payloads.empty() ? 0 : 1));
  }
}

TEST_CASE("a damaged ring is refused, and its views stay inside the memory",
          "[runtime][transport]") {
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    direction ring;
    for (std::uint16_t i = 0; i < 8; ++i) REQUIRE(ring.outlet.put(random_frame(i, random)).value());
    auto& control = ring.theirs.control();
    const auto filled = control.written.load();
    switch (seed % 3) {
    case 0:
      for (int i = 0; i < 5; ++i) *ring.theirs.ring_at(random() % filled) ^= std::byte(random());
      break;
    case 1:
      control.written = seed % 2 == 0 ? random() : filled - random() % filled;
      break;
    default:
      for (std::uint64_t i = random() % filled; i < filled; ++i)
        *ring.theirs.ring_at(i) = std::byte(random());
    }
    refused += !ring.drain();
    std::uint64_t sum = 0;
    for (const auto& each : ring.came) sum += sum_of(each); // reads every byte
    CHECK(sum != 1);
  }
  CHECK(refused > 300);
}

TEST_CASE("a payload outside the sender's memory is refused", "[runtime][transport]") {
  for (const std::uint64_t place :
       {room_bytes, room_bytes - 8, std::uint64_t{4}, ~std::uint64_t{7}, in_arena | arena_bytes,
        in_arena | (arena_bytes - 8192), ~in_arena & ~std::uint64_t{7}}) {
    INFO(place);
    direction ring;
    REQUIRE(ring.outlet.put(frame_of(1, urgency::bulk, {random_bytes(9000, 1)})).value());
    // As a peer would that knows how to make a checksum.
    auto* const begin = ring.theirs.ring_at(0);
    std::memcpy(begin + record_bytes + 8, &place, sizeof place);
    record x;
    std::memcpy(&x, begin, sizeof x);
    x.bytes_crc = runtime::crc32c({reinterpret_cast<const char*>(begin) + record_bytes, x.bytes});
    seal(x);
    std::memcpy(begin, &x, sizeof x);
    CHECK_FALSE(ring.drain());
    CHECK(ring.why.find("a payload's place") != std::string::npos);
  }
}

TEST_CASE("BP-1: a peer that takes more than its credit of shared memory is refused",
          "[runtime][transport]") {
  direction ring;
  const auto payload = fill(ring.own->allocate(1 << 19).value(), 1);
  std::size_t sent = 0;
  for (; sent <= credit_bytes / payload.size_bytes(); ++sent)
    REQUIRE(ring.outlet.put(frame_of(1, urgency::bulk, {payload})).value());
  CHECK_FALSE(ring.drain());
  CHECK(ring.came.size() == sent - 1);
  CHECK(ring.why.find("credit") != std::string::npos);
}

TEST_CASE("a peer that lets go of what it does not have is refused", "[runtime][transport]") {
  for (int kind = 0; kind < 4; ++kind) {
    direction ring;
    REQUIRE(ring.outlet.put(frame_of(1, urgency::bulk, {random_bytes(9000, 1)})).value());
    auto& control = ring.theirs.control();
    if (kind == 0) control.released = 2;
    if (kind == 1) control.released = ~std::uint64_t{0};
    if (kind == 2) ring.theirs.released(0) = 77, control.released = 1;
    if (kind == 3) {
      control.released = 1; // the right one
      REQUIRE(ring.outlet.reclaim().value().frames == 1);
      control.released = 2; // and once more
    }
    CHECK_FALSE(ring.outlet.reclaim());
  }
  direction ring;
  ring.theirs.control().read = 1 << 30;
  while (ring.outlet.put(frame_of(1, urgency::bulk, {random_bytes(8000, 1)})).has_value() &&
         ring.theirs.control().written < limits::ring_bytes) {
  }
  CHECK_FALSE(ring.outlet.put(frame_of(1, urgency::bulk, {random_bytes(8000, 1)})));
}

TEST_CASE("only memory of a sealed size is mapped", "[runtime][transport]") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const auto mine = make_plain_stream(descriptor(ends[0]));
  const auto theirs = make_plain_stream(descriptor(ends[1]));
  const auto file = channel::make_file(room_bytes);
  const auto sealed = make_memory_file("lagrange-test", arena_bytes);
  const descriptor open(::memfd_create("lagrange-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(::ftruncate(open.get(), arena_bytes) == 0);
  const auto bell = make_doorbell();
  runtime::result<shared_memory_of_peer> heard = runtime::failure(runtime::errc::none, "");
  const auto meet = [&](const descriptor& channel_file, const descriptor& arena_file) {
    std::thread other([&] {
      heard = exchange_memory(*theirs, {file, sealed, bell, credit_bytes}, patient());
    });
    auto came = exchange_memory(*mine, {channel_file, arena_file, bell, credit_bytes}, patient());
    other.join();
    CHECK(came); // the other one passes what is right
    return heard.has_value();
  };
  CHECK(meet(file, sealed));
  CHECK_FALSE(meet(open, sealed));
  CHECK_FALSE(meet(file, open));
  CHECK_FALSE(meet(sealed, sealed)); // too small for a channel
  CHECK_FALSE(meet(file, bell));     // no memory at all
}

TEST_CASE("what readers have is theirs to read only", "[runtime][transport]") {
  const arena mine(arena_bytes);
  CHECK(::mmap(nullptr, arena_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, mine.file().get(), 0) ==
        MAP_FAILED);
  CHECK(::ftruncate(mine.file().get(), 0) != 0);
}

TEST_CASE("a peer on this host that breaks a rule is told by what it broke",
          "[runtime][transport]") {
  byte_options options;
  options.ways = byte_ways::shared_memory;
  for (const bool is_ring : {true, false}) {
    party host(kind_of("shared memory", options));
    auto raw = call_local(host.at->where().local, {}, patient().until()).value();
    const auto file = channel::make_file(room_bytes);
    const auto other = make_memory_file("lagrange-test", arena_bytes);
    const auto bell = make_doorbell();
    const auto peer =
        exchange_memory(*raw, {file, other, bell, options.credit_bytes}, patient()).value();
    if (is_ring) {
      const channel mine(file, room_bytes, access::write);
      mine.control().written = 777;
      ring(*peer.doorbell);
      REQUIRE(host.hears.wait_for_downs(1));
    } else {
      const std::byte one{};
      const iovec bytes{const_cast<std::byte*>(&one), 1};
      REQUIRE(raw->write({&bytes, 1}).bytes == 1);
      REQUIRE(host.hears.wait_for_downs(1));
    }
    CHECK(host.hears.downs().at(0).second.code == runtime::errc::bad_frame);
  }
}

} // namespace lagrange::tests
