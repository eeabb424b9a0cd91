// Links with injected latency and bandwidth. Times are bounded from below, by what was injected,
// and from above only by patience: the machine may be busy.
#include "runtime/transport/shaped_in_process.hpp"
#include "runtime/transport/shaper.hpp"
#include "tests/support/transport_kit.hpp"

#include <atomic>

namespace lagrange::tests {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using transport::byte_ways;
using transport::frame;
using transport::link_shape;

endpoint_kind bytes_by(std::string name, byte_ways ways, link_shape shape) {
  transport::byte_options made;
  made.ways = ways;
  made.shape = shape;
  made.credit_bytes = 4 << 20;
  return kind_of(std::move(name), made);
}

endpoint_kind in_process(transport::hub& meeting, link_shape shape) {
  return {"in process",
          [&meeting, shape](transport::receiver& to) {
            return shape.empty() ? meeting.open(to) : transport::open_shaped(meeting, to, shape);
          },
          0};
}

/// Calls `law` with each kind of endpoint, once with a shape and once without.
template <class Law>
void for_each_way(link_shape shape, Law law) {
  transport::hub meeting(1);
  const std::pair<endpoint_kind, endpoint_kind> ways[] = {
      {bytes_by("tcp", byte_ways::tcp, shape), bytes_by("tcp", byte_ways::tcp, {})},
      {bytes_by("shared memory", byte_ways::shared_memory, shape),
       bytes_by("shared memory", byte_ways::shared_memory, {})},
      {in_process(meeting, shape), in_process(meeting, {})},
  };
  for (const auto& [shaped, plain] : ways) {
    INFO(shaped.name);
    law(shaped, plain);
  }
}

frame numbered(std::uint64_t number, std::size_t bytes, urgency first = urgency::gradients) {
  auto made = frame_of(1, first, {random_bytes(bytes, number)});
  made.head = {number};
  return made;
}

} // namespace

TEST_CASE("a shaped link takes the latency and the time of the bytes", "[runtime][transport]") {
  transport::shaper<int> line({10ms, 1'000'000});
  const steady::time_point start{1h};
  CHECK_FALSE(line.next());
  line.put(1, urgency::samples, 5000, start);
  line.put(2, urgency::samples, 5000, start + 1ms);
  CHECK(line.next() == start + 15ms);
  CHECK_FALSE(line.take(start + 15ms - 1ns));
  CHECK(line.take(start + 15ms) == 1);
  CHECK(line.next() == start + 20ms); // behind the first one
  CHECK(line.take(start + 1s) == 2);
  line.put(3, urgency::samples, 5000, start + 1s); // the wire was free: no time is made up for
  CHECK(line.next() == start + 1015ms);
  CHECK(line.take(steady::time_point::max()) == 3);
  CHECK_FALSE(line.next());
}

TEST_CASE("on a shaped link the urgent go first, and equals never change places",
          "[runtime][transport]") {
  transport::shaper<int> line({10ms, 1'000'000});
  const steady::time_point start{1h};
  for (int i = 0; i < 3; ++i) line.put(i, urgency::bulk, 1'000'000, start);
  line.put(10, urgency::control, 100, start + 500ms); // in the middle of the first
  line.put(11, urgency::control, 100, start + 500ms);
  line.put(12, urgency::control, 100, start + 3600ms); // after all
  std::vector<int> order;
  steady::time_point first_control;
  while (const auto due = line.next()) {
    order.push_back(*line.take(*due));
    if (order.back() == 10) first_control = *due;
  }
  CHECK(order == std::vector{10, 11, 0, 1, 2, 12});
  CHECK(first_control < start + 520ms); // a latency and at most one cell
}

TEST_CASE("an answer over a shaped link takes at least its latency twice", "[runtime][transport]") {
  for_each_way({20ms, 0}, [](const endpoint_kind& shaped, const endpoint_kind& plain) {
    for (const bool is_caller_shaped : {true, false}) {
      party a(is_caller_shaped ? shaped : plain), b(is_caller_shaped ? plain : shaped);
      b.hears.reply_with([&](transport::link_id from, const frame& what) {
        b.at->send(from, frame_of(what.kind, urgency::control));
      });
      const auto link = a.at->connect(b.at->where()).value();
      for (std::size_t i = 1; i <= 3; ++i) {
        const auto sent = steady::now();
        REQUIRE(a.at->send(link, frame_of(1, urgency::control)) > 0);
        REQUIRE(a.hears.wait_for_frames(i));
        CHECK(steady::now() - sent >= 40ms);
      }
    }
  });
}

TEST_CASE("a shaped link carries no more than its bandwidth, in order, and loses nothing",
          "[runtime][transport]") {
  static constexpr std::uint64_t rate = 20'000'000, frames = 40, bytes = 50'000;
  for_each_way({2ms, rate}, [](const endpoint_kind& shaped, const endpoint_kind& plain) {
    for (const bool is_sender_shaped : {true, false}) {
      party a(is_sender_shaped ? shaped : plain), b(is_sender_shaped ? plain : shaped);
      std::atomic<std::uint64_t> expected = 1, wrong = 0;
      b.hears.reply_with([&](auto, const frame& what) {
        wrong += what.head[0] != expected++ ||
                 !is_same(what.payloads[0], random_bytes(bytes, what.head[0]));
      });
      const auto link = a.at->connect(b.at->where()).value();
      const auto began = steady::now();
      for (std::uint64_t i = 1; i <= frames; ++i)
        REQUIRE(send_all(*a.at, link, numbered(i, bytes)));
      REQUIRE(b.hears.wait_for_frames(frames));
      const std::chrono::duration<double> taken = steady::now() - began;
      CHECK(wrong == 0);
      CHECK(frames * bytes / taken.count() <= rate);
    }
  });
}

TEST_CASE("BP-1: what waits on a shaped link is bounded, and what is taken arrives",
          "[runtime][transport]") {
  const link_shape slow{1ms, 40'000'000};
  for (const auto ways : {byte_ways::tcp, byte_ways::shared_memory}) {
    const auto kind = bytes_by("slow", ways, slow);
    party a(kind), b(kind);
    const auto link = a.at->connect(b.at->where()).value();
    const auto what = numbered(1, 100'000);
    std::size_t taken = 0;
    while (a.at->send(link, what) > 0) REQUIRE(++taken < 1000);
    CHECK(taken >= 40);  // the queue: a credit of 4 MiB, and its framing
    CHECK(taken <= 500); // besides that the credit, and what left meanwhile
    CHECK(b.hears.wait_for_frames(taken));
  }
}

TEST_CASE("the end of a shaped link is told, after all that was sent before it",
          "[runtime][transport]") {
  for_each_way({100ms, 0}, [](const endpoint_kind& shaped, const endpoint_kind& plain) {
    for (const bool is_sender_shaped : {true, false}) {
      party b(is_sender_shaped ? plain : shaped);
      {
        party a(is_sender_shaped ? shaped : plain);
        const auto link = a.at->connect(b.at->where()).value();
        for (std::uint64_t i = 0; i < 5; ++i) REQUIRE(a.at->send(link, numbered(i, 1000)) > 0);
      }
      REQUIRE(b.hears.wait_for_downs(1));
      CHECK(b.hears.frames() == 5);
      CHECK(b.hears.downs().at(0).second.code == runtime::errc::peer_gone);
    }
  });
}

TEST_CASE("a shaped link that was closed brings nothing more", "[runtime][transport]") {
  for_each_way({20ms, 0}, [](const endpoint_kind& shaped, const endpoint_kind& plain) {
    party a(shaped), b(plain);
    std::atomic<std::uint64_t> back = 0;
    b.hears.reply_with([&](transport::link_id from, const frame&) { back = from.value; });
    const auto link = a.at->connect(b.at->where()).value();
    REQUIRE(a.at->send(link, frame_of(1, urgency::control)) > 0);
    REQUIRE(b.hears.wait_for_frames(1));
    REQUIRE(b.at->send({back}, frame_of(1, urgency::control)) > 0);
    a.at->close(link);
    CHECK(a.at->send(link, frame_of(1, urgency::control)) == 0);
    REQUIRE(b.hears.wait_for_downs(1));
    CHECK(a.hears.frames() == 0);
    CHECK(a.hears.downs().empty());
  });
}

} // namespace lagrange::tests
