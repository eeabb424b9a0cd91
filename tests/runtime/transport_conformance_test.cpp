// The laws of endpoint.hpp, for every kind of endpoint between processes.
#include "tests/support/transport_kit.hpp"

#include <atomic>
#include <map>
#include <set>

namespace lagrange::tests {

namespace {

using transport::byte_ways;
using transport::frame;

transport::byte_options options_of(byte_ways ways, std::chrono::microseconds spin = {},
                                   transport::link_shape shape = {}) {
  transport::byte_options made;
  made.ways = ways;
  made.spin = spin;
  made.shape = shape;
  made.credit_bytes = std::uint64_t{32} << 20;
  made.queue_bytes_max = std::uint64_t{64} << 20;
  // So rarely that a test fails which only goes on because of them.
  made.heartbeat_every = 2 * long_enough;
  made.silence_min = made.silence_max = 4 * long_enough;
  return made;
}

constexpr transport::link_shape shape{std::chrono::milliseconds(2), 1'000'000'000};

const endpoint_kind kinds[] = {
    kind_of("tcp", options_of(byte_ways::tcp)),
    kind_of("tcp that spins", options_of(byte_ways::tcp, std::chrono::microseconds(50))),
    kind_of("shared memory", options_of(byte_ways::shared_memory)),
    kind_of("shared memory that spins",
            options_of(byte_ways::shared_memory, std::chrono::microseconds(50))),
    kind_of("shaped tcp", options_of(byte_ways::tcp, {}, shape)),
    kind_of("shaped shared memory", options_of(byte_ways::shared_memory, {}, shape)),
};

/// Two endpoints of a kind, and a link from the first to the second.
struct pair {
  explicit pair(const endpoint_kind& kind)
      : a(kind), b(kind), link(a.at->connect(b.at->where()).value()) {}
  party a, b;
  transport::link_id link;
};

} // namespace

TEST_CASE("a frame of any size arrives once, bit for bit", "[runtime][transport]") {
  for (const auto& kind : kinds) {
    INFO(kind.name);
    pair two(kind);
    std::atomic<std::size_t> same = 0;
    std::vector<frame> sent;
    two.b.hears.reply_with([&](auto, const frame& what) {
      same += what.kind < sent.size() && is_same(what, sent[what.kind]);
    });
    const auto next = [&] { return static_cast<std::uint16_t>(sent.size()); };
    for (const std::size_t bytes : {0, 1, 7, 8, 63, 64, 65, 4095, 4096, 8191, 8192, 8193, 65535,
                                    65536, 65537, 1 << 20, (1 << 20) + 1, 5'000'001, 16 << 20}) {
      sent.push_back(frame_of(next(), urgency::gradients, {random_bytes(bytes, bytes)}));
      sent.push_back(frame_of(next(), urgency::gradients,
                              {random_bytes(9, 1), random_bytes(bytes, 2), random_bytes(9000, 3)}));
    }
    sent.push_back(frame_of(next(), urgency::gradients));
    sent.push_back(frame_of(next(), urgency::gradients));
    sent.back().head.clear();
    sent.push_back(frame_of(next(), urgency::gradients));
    sent.back().head.assign(frame::head_words_max, 5);
    for (const auto& each : sent) REQUIRE(send_all(*two.a.at, two.link, each));
    REQUIRE(two.b.hears.wait_for_frames(sent.size()));
    CHECK(same == sent.size());
    CHECK(two.a.hears.downs().empty());
  }
}

TEST_CASE("frames of one urgency arrive in order, from each of many senders",
          "[runtime][transport]") {
  constexpr std::uint16_t senders = 4, frames = 400;
  for (const auto& kind : kinds) {
    INFO(kind.name);
    pair two(kind);
    std::atomic<int> out_of_order = 0;
    std::map<std::pair<std::uint64_t, urgency>, std::uint64_t> last;
    two.b.hears.reply_with([&](auto, const frame& what) {
      auto& before = last[{what.head[0], what.first}];
      out_of_order += what.head[1] <= before;
      before = what.head[1];
    });
    std::vector<std::thread> threads;
    for (std::uint64_t sender = 0; sender < senders; ++sender)
      threads.emplace_back([&, sender] {
        for (std::uint64_t i = 1; i <= frames; ++i) {
          const auto bytes = i % 50 == 0 ? 300'000 : i * 37 % 20'000;
          auto what =
              frame_of(1, static_cast<urgency>(i % transport::urgencies), {random_bytes(bytes, i)});
          what.head = {sender, i};
          if (!send_all(*two.a.at, two.link, what)) return;
        }
      });
    for (auto& each : threads) each.join();
    REQUIRE(two.b.hears.wait_for_frames(senders * frames));
    CHECK(out_of_order == 0);
    CHECK(two.b.hears.frames() == senders * frames);
  }
}

TEST_CASE("many links carry frames at once, both ways", "[runtime][transport]") {
  constexpr std::size_t callers = 12, frames = 50;
  for (const auto& kind : kinds) {
    INFO(kind.name);
    party host(kind);
    host.hears.reply_with([&](transport::link_id from, const frame& what) {
      host.at->send(from, what); // also of memory that came by the same link
    });
    std::vector<std::unique_ptr<party>> all;
    std::vector<transport::link_id> links;
    for (std::size_t i = 0; i < callers; ++i) {
      all.push_back(std::make_unique<party>(kind));
      links.push_back(all.back()->at->connect(host.at->where()).value());
    }
    for (std::size_t n = 0; n < frames; ++n)
      for (std::size_t i = 0; i < callers; ++i)
        REQUIRE(send_all(*all[i]->at, links[i],
                         frame_of(1, urgency::samples, {random_bytes(30'000, n)})));
    for (auto& each : all) CHECK(each->hears.wait_for_frames(frames));
  }
}

TEST_CASE("an urgent frame overtakes bulky ones", "[runtime][transport]") {
  for (const auto& kind : kinds) {
    if (kind.credit_bytes == 0) continue;
    INFO(kind.name);
    pair two(kind);
    std::atomic<bool> may_go_on = false;
    std::vector<urgency> order;
    two.b.hears.reply_with([&](auto, const frame& what) {
      order.push_back(what.first);
      comes_true([&] { return may_go_on.load(); });
    });
    // The receiver stands still, so all but what fits under way is queued.
    const auto bulky = frame_of(1, urgency::bulk, {random_bytes(8 << 20, 1)});
    for (int i = 0; i < 7; ++i) REQUIRE(send_all(*two.a.at, two.link, bulky));
    REQUIRE(send_all(*two.a.at, two.link,
                     frame_of(2, urgency::parameters, {random_bytes(100'000, 2)})));
    REQUIRE(send_all(*two.a.at, two.link, frame_of(3, urgency::control)));
    may_go_on = true;
    REQUIRE(two.b.hears.wait_for_frames(9));
    CHECK(order.back() == urgency::bulk);
    CHECK(std::find(order.begin(), order.end(), urgency::control) - order.begin() < 6);
  }
}

TEST_CASE("BP-1: a link never has more under way than its credit, and gets it back",
          "[runtime][transport]") {
  for (const auto& kind : kinds) {
    if (kind.credit_bytes == 0) continue;
    INFO(kind.name);
    pair two(kind);
    two.b.hears.keep();
    const auto payload = random_bytes(1 << 20, 1);
    const auto limit = kind.credit_bytes / payload.size_bytes();
    std::size_t taken = 0;
    while (two.a.at->send(two.link, frame_of(1, urgency::gradients, {payload})) > 0) ++taken;
    CHECK(taken > limit);      // the credit, and then the queue
    CHECK(taken <= 3 * limit); // which is twice as long
    REQUIRE(two.b.hears.wait_for_frames(limit));
    // A control frame passes, so no further payload can still be on its way behind it.
    REQUIRE(two.a.at->send(two.link, frame_of(2, urgency::control)) > 0);
    REQUIRE(two.b.hears.wait_for_frames(limit + 1));
    CHECK(two.b.hears.frames() == limit + 1);
    std::vector<listener::arrival> held;
    for (auto came = limit + 2; came <= taken + 1; ++came) {
      if (held.empty()) held = two.b.hears.take();
      std::erase_if(held, [](const auto& x) { return x.what.payloads.empty(); });
      held.pop_back(); // one is let go, and one more comes
      REQUIRE(two.b.hears.wait_for_frames(came));
    }
    CHECK(two.b.hears.frames() == taken + 1);
  }
}

TEST_CASE("a frame larger than the link's credit is a bug of its sender", "[runtime][transport]") {
  for (const auto& kind : kinds) {
    if (kind.credit_bytes == 0) continue;
    INFO(kind.name);
    pair two(kind);
    const auto large = random_bytes(kind.credit_bytes + 1, 1);
    CHECK_THROWS_AS(two.a.at->send(two.link, frame_of(1, urgency::bulk, {large})),
                    ops::contract_error);
  }
}

TEST_CASE("a tensor of the endpoint's own memory is sent to many, and freed when all let go",
          "[runtime][transport]") {
  for (const auto& kind : kinds) {
    INFO(kind.name);
    party host(kind);
    auto shared = fill(host.at->allocate(3 << 20), 5);
    std::vector<std::unique_ptr<party>> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(std::make_unique<party>(kind));
      all.back()->hears.keep();
      const auto link = host.at->connect(all.back()->at->where()).value();
      REQUIRE(send_all(*host.at, link, frame_of(1, urgency::parameters, {shared})));
    }
    for (auto& each : all) {
      REQUIRE(each->hears.wait_for_frames(1));
      const auto came = each->hears.take();
      CHECK(is_same(came[0].what.payloads[0], shared));
    }
    // Every send looks at what was let go.
    CHECK(comes_true([&] {
      for (std::uint64_t link = 1; link <= 4; ++link)
        host.at->send({link}, frame_of(2, urgency::control));
      return !shared.is_shared();
    }));
  }
}

TEST_CASE("what came outlives the link and the endpoint", "[runtime][transport]") {
  for (const auto& kind : kinds) {
    INFO(kind.name);
    std::vector<listener::arrival> came;
    const auto sent = frame_of(1, urgency::bulk, {random_bytes(100'000, 1), random_bytes(99, 2)});
    {
      pair two(kind);
      two.b.hears.keep();
      REQUIRE(send_all(*two.a.at, two.link, sent));
      REQUIRE(two.b.hears.wait_for_frames(1));
      came = two.b.hears.take();
    }
    CHECK(is_same(came.at(0).what, sent));
  }
}

TEST_CASE("bytes are counted alike by sender, receiver and frame", "[runtime][transport]") {
  for (const auto& kind : kinds) {
    INFO(kind.name);
    pair two(kind);
    two.b.hears.keep();
    const auto bytes =
        two.a.at->send(two.link, frame_of(1, urgency::samples, {random_bytes(3'000'000, 1)}));
    REQUIRE(two.b.hears.wait_for_frames(1));
    CHECK(two.b.hears.take().at(0).what.wire_bytes == bytes);
    CHECK(bytes > 3'000'000);
    CHECK(bytes < 3'001'000);
    CHECK(comes_true([&] { return two.a.at->counted().sent >= bytes; }));
    CHECK(comes_true([&] { return two.b.at->counted().received >= bytes; }));
  }
}

} // namespace lagrange::tests
