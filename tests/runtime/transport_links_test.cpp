// How links of endpoints between processes begin and end, and which way they take.
#include "tests/support/certificates.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/transport_kit.hpp"

#include <atomic>

namespace lagrange::tests {

namespace {

using transport::address;
using transport::byte_options;
using transport::byte_ways;
using transport::frame;

byte_options options_of(byte_ways ways) {
  byte_options made;
  made.ways = ways;
  return made;
}
const endpoint_kind tcp = kind_of("tcp", options_of(byte_ways::tcp));
const endpoint_kind shared_memory = kind_of("shared memory", options_of(byte_ways::shared_memory));
const endpoint_kind both = kind_of("both", options_of(byte_ways::both));
const endpoint_kind* const kinds[] = {&tcp, &shared_memory};

/// Whether a frame passes between the two, and by shared memory: large payloads are then written
/// nowhere but to memory, so both sides count at once what TCP takes several reads for.
bool is_by_shared_memory(party& from, party& to, const address& peer) {
  const auto link = from.at->connect(peer).value();
  to.hears.keep();
  REQUIRE(send_all(*from.at, link, frame_of(1, urgency::samples, {random_bytes(5000, 1)})));
  REQUIRE(to.hears.wait_for_frames(1));
  // Of TCP a record and the bytes; in the ring there is also the slot, and all in whole words.
  return to.hears.take().at(0).what.wire_bytes != 64 + 3 * 8 + 5000;
}

} // namespace

TEST_CASE("a peer on the same host is reached by shared memory, any other by TCP",
          "[runtime][transport]") {
  const auto reach = [](const endpoint_kind& from, const endpoint_kind& to, auto change) {
    party a(from), b(to);
    auto peer = b.at->where();
    change(peer);
    return is_by_shared_memory(a, b, peer);
  };
  const auto unchanged = [](address&) {};
  CHECK(reach(both, both, unchanged));
  CHECK_FALSE(reach(both, both, [](address& x) { x.host = "another"; }));
  CHECK_FALSE(reach(both, both, [](address& x) { x.local.clear(); }));
  CHECK_FALSE(reach(both, both, [](address& x) { x.local += "-of-another-container"; }));
  CHECK_FALSE(reach(tcp, both, unchanged));
  CHECK_FALSE(reach(both, tcp, unchanged));
  CHECK(reach(shared_memory, both, unchanged));
}

TEST_CASE("peers that share no way are told so", "[runtime][transport]") {
  party a(tcp), b(shared_memory);
  for (auto* from : {&a, &b}) {
    const auto made = from->at->connect((from == &a ? b : a).at->where());
    REQUIRE_FALSE(made);
    CHECK(made.error().code == runtime::errc::bad_argument);
  }
  CHECK(a.at->where().local.empty());
  CHECK(b.at->where().ip.empty());
}

TEST_CASE("a peer that is not there is gone", "[runtime][transport]") {
  for (const auto* kind : kinds) {
    INFO(kind->name);
    party a(*kind);
    const auto peer = party(*kind).at->where();
    const auto made = a.at->connect(peer);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == runtime::errc::peer_gone);
  }
}

TEST_CASE("a caller with another token gets no link", "[runtime][transport]") {
  for (const auto ways : {byte_ways::tcp, byte_ways::shared_memory}) {
    auto options = options_of(ways);
    party host(kind_of("host", options));
    options.with.token = transport::draw_token();
    party stranger(kind_of("stranger", options));
    const auto made = stranger.at->connect(host.at->where());
    REQUIRE_FALSE(made);
    CHECK(made.error().code == runtime::errc::fenced);
  }
}

TEST_CASE("a peer that grants less credit than it is given is refused", "[runtime][transport]") {
  for (const auto ways : {byte_ways::tcp, byte_ways::shared_memory}) {
    auto options = options_of(ways);
    party host(kind_of("host", options));
    options.credit_bytes *= 2;
    party caller(kind_of("caller", options));
    const auto made = caller.at->connect(host.at->where());
    REQUIRE_FALSE(made);
    CHECK(made.error().code == runtime::errc::bad_frame);
    CHECK(made.error().text.find("credit") != std::string::npos);
  }
}

TEST_CASE("the end of a peer is told once, after all that it sent", "[runtime][transport]") {
  for (const auto* kind : kinds) {
    INFO(kind->name);
    party b(*kind);
    {
      party a(*kind);
      const auto link = a.at->connect(b.at->where()).value();
      for (int i = 0; i < 20; ++i)
        REQUIRE(send_all(*a.at, link, frame_of(1, urgency::samples, {random_bytes(9000, 1)})));
      REQUIRE(b.hears.wait_for_frames(1)); // the link stands on both sides
    }
    REQUIRE(b.hears.wait_for_downs(1));
    CHECK(b.hears.frames() == 20);
    const auto [gone, why] = b.hears.downs().at(0);
    CHECK(why.code == runtime::errc::peer_gone);
    CHECK(b.at->send(gone, frame_of(1, urgency::control)) == 0);
    // Whatever is posted now runs after anything that the thread still had to say.
    std::atomic<bool> has_run = false;
    b.at->post([&] { has_run = true; });
    REQUIRE(comes_true([&] { return has_run.load(); }));
    CHECK(b.hears.downs().size() == 1);
  }
}

TEST_CASE("a link that is closed says nothing any more, and takes nothing",
          "[runtime][transport]") {
  for (const auto* kind : kinds) {
    INFO(kind->name);
    party a(*kind), b(*kind);
    const auto link = a.at->connect(b.at->where()).value();
    REQUIRE(send_all(*a.at, link, frame_of(1, urgency::control)));
    REQUIRE(b.hears.wait_for_frames(1));
    a.at->close(link);
    CHECK(a.at->send(link, frame_of(1, urgency::control)) == 0);
    CHECK(a.at->send({999}, frame_of(1, urgency::control)) == 0);
    REQUIRE(b.hears.wait_for_downs(1));
    CHECK(a.hears.downs().empty());
  }
}

TEST_CASE("a link may be closed, and frames sent, from inside the receiver",
          "[runtime][transport]") {
  for (const auto* kind : kinds) {
    INFO(kind->name);
    party a(*kind), b(*kind);
    b.hears.reply_with([&](transport::link_id from, const frame& what) {
      b.at->send(from, frame_of(9, urgency::control));
      if (what.kind == 2) b.at->close(from);
    });
    const auto link = a.at->connect(b.at->where()).value();
    for (const std::uint16_t kind_number : {1, 2, 3})
      a.at->send(link, frame_of(kind_number, urgency::control));
    REQUIRE(a.hears.wait_for_downs(1));
    CHECK(a.hears.frames() == 2);
    CHECK(b.hears.frames() == 2);
    CHECK(b.hears.downs().empty());
  }
}

TEST_CASE("posted work runs on the thread of the receiver, in order", "[runtime][transport]") {
  for (const auto* kind : kinds) {
    party a(*kind), b(*kind);
    std::atomic<std::thread::id> receiving{};
    b.hears.reply_with([&](auto, const frame&) { receiving = std::this_thread::get_id(); });
    const auto link = a.at->connect(b.at->where()).value();
    a.at->send(link, frame_of(1, urgency::control));
    REQUIRE(b.hears.wait_for_frames(1));
    REQUIRE(b.hears.wait_for_quiet());
    std::vector<int> order;
    std::atomic<int> count = 0;
    for (int i = 0; i < 100; ++i)
      b.at->post([&, i] {
        order.push_back(receiving == std::this_thread::get_id() ? i : -1);
        ++count;
      });
    REQUIRE(comes_true([&] { return count == 100; }));
    CHECK(std::is_sorted(order.begin(), order.end()));
    CHECK(order.front() == 0);
    CHECK(b.at->runs_by_itself());
  }
}

TEST_CASE("an endpoint leaves no thread, descriptor or mapping behind", "[runtime][transport]") {
  const auto round = [](const endpoint_kind& kind) {
    party a(kind), b(kind);
    const auto link = a.at->connect(b.at->where()).value();
    for (int i = 0; i < 30; ++i)
      a.at->send(link, frame_of(1, urgency::bulk, {random_bytes(400'000, 1)}));
    REQUIRE(b.hears.wait_for_frames(1));
  };
  round(tcp); // what libraries keep for ever is there from now on
  const holdings before;
  for (int i = 0; i < 3; ++i)
    for (const auto* kind : kinds) round(*kind);
  CHECK(all_is_given_back(before));
}

TEST_CASE("frames pass under TLS, both ways at once", "[runtime][transport]") {
  const temporary_folder folder;
  const authority signs(folder.path(), "authority");
  auto options = options_of(byte_ways::tcp);
  options.with.tls = signs.issue("process");
  const auto kind = kind_of("tls", options);
  party a(kind), b(kind);
  b.hears.reply_with([&](transport::link_id from, const frame& what) {
    comes_true([&] { return b.at->send(from, what) > 0; });
  });
  a.hears.keep();
  const auto link = a.at->connect(b.at->where()).value();
  std::vector<frame> sent;
  for (std::uint16_t i = 0; i < 40; ++i) // in all less than the credit, since all are kept
    sent.push_back(frame_of(i, urgency::gradients, {random_bytes(i * 5001, i)}));
  for (const auto& each : sent) REQUIRE(send_all(*a.at, link, each));
  REQUIRE(a.hears.wait_for_frames(sent.size()));
  const auto came = a.hears.take();
  for (std::size_t i = 0; i < sent.size(); ++i) CHECK(is_same(came[i].what, sent[i]));
}

TEST_CASE("a compressed frame takes fewer bytes of TCP and arrives as it was",
          "[runtime][transport]") {
  party a(tcp), b(tcp);
  b.hears.keep();
  const auto link = a.at->connect(b.at->where()).value();
  auto zeros = ops::tensor(ops::dtype::u8, {3'000'000});
  std::memset(zeros.bytes(), 0, zeros.size_bytes());
  auto packed = frame_of(1, urgency::bulk, {zeros, random_bytes(5000, 1), zeros});
  auto noise = frame_of(2, urgency::bulk, {random_bytes(100'000, 1)});
  packed.wants_compression = noise.wants_compression = true;
  CHECK(a.at->send(link, packed) < 20'000);
  CHECK(a.at->send(link, noise) > 100'000); // it would not be smaller
  REQUIRE(b.hears.wait_for_frames(2));
  const auto came = b.hears.take();
  CHECK(is_same(came[0].what, packed));
  CHECK(is_same(came[1].what, noise));
}

} // namespace lagrange::tests
