// Those who listen: strangers keep nobody waiting, and nothing is left behind.
#include "runtime/transport/greet.hpp"

#include "tests/support/holdings.hpp"
#include "tests/support/knock.hpp"
#include "tests/support/socket_peer.hpp"

#include <future>
#include <mutex>
#include <vector>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::runtime::transport;
using namespace lagrange::tests;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;
using stream_pointer = std::unique_ptr<stream>;

const security ours{draw_token(), {}};

clock_type::time_point soon() { return clock_type::now() + 20s; }

std::string unique_name() { return "lagrange-test-" + to_text(draw_token()).substr(0, 16); }

/// Keeps the last one whom a greeter handed over.
class guest {
public:
  greeted when_it_comes() {
    return [this](stream_pointer came) { came_.set_value(std::move(came)); };
  }
  stream_pointer get() {
    auto came = came_.get_future();
    REQUIRE(came.wait_until(soon()) == std::future_status::ready);
    return came.get();
  }

private:
  std::promise<stream_pointer> came_;
};

void expect_talk(stream& from, stream& to) {
  const std::byte said{42};
  std::byte heard{};
  CHECK(send_all(from, std::span(&said, 1), patience(soon())));
  CHECK(receive_all(to, std::span(&heard, 1), patience(soon()), {}));
  CHECK(heard == said);
}

} // namespace

TEST_CASE("a greeter hands over who calls with the token, by TCP", "[runtime][greeting]") {
  guest came;
  const auto host = listen_tcp("127.0.0.1", 0, ours, came.when_it_comes());
  REQUIRE(host);
  CHECK(host.value()->port() != 0);
  const auto called = call_tcp("127.0.0.1", host.value()->port(), ours, soon());
  REQUIRE(called);
  const auto met = came.get();
  expect_talk(*called.value(), *met);
  expect_talk(*met, *called.value());
}

TEST_CASE("a greeter hands over who calls with the token, by a Unix socket",
          "[runtime][greeting]") {
  guest came;
  const auto name = unique_name();
  const auto host = listen_local(name, ours, came.when_it_comes());
  REQUIRE(host);
  CHECK(host.value()->port() == 0);
  const auto called = call_local(name, ours, soon());
  REQUIRE(called);
  expect_talk(*called.value(), *came.get());
  CHECK(call_local(name, {draw_token(), {}}, soon()).error().code == errc::fenced);
  CHECK(listen_local(name, ours, {}).error().code == errc::bad_argument); // the name is taken
}

TEST_CASE("a greeter hands over nobody with another token", "[runtime][greeting]") {
  std::atomic<int> count = 0;
  {
    const auto host = listen_tcp("127.0.0.1", 0, ours, [&](stream_pointer) { ++count; });
    const auto refused = call_tcp("127.0.0.1", host.value()->port(), {draw_token(), {}}, soon());
    CHECK(refused.error().code == errc::fenced);
    auto scanner = socket_peer::at(host.value()->port());
    scanner.say(std::vector<std::byte>(knock_bytes));
    CHECK(scanner.hear_out().empty());
  }
  CHECK(count == 0);
}

TEST_CASE("those who say nothing, or too little, keep nobody waiting", "[runtime][greeting]") {
  const holdings before;
  guest came;
  const auto host = listen_tcp("127.0.0.1", 0, ours, came.when_it_comes());
  const auto knock = knock_of(ours.token);
  std::vector<socket_peer> strangers;
  for (int i = 0; i < 200; ++i) {
    strangers.push_back(socket_peer::at(host.value()->port()));
    if (i % 2 == 0) strangers.back().say(std::span(knock).first(knock_bytes - 1));
  }
  const auto begin = clock_type::now();
  REQUIRE(call_tcp("127.0.0.1", host.value()->port(), ours, soon()));
  CHECK(came.get());
  CHECK(clock_type::now() - begin < 5s); // half of what a greeting may take
  const holdings meanwhile;
  CHECK(meanwhile.threads_since(before) < 20);
  CHECK(meanwhile.descriptors() <
        before.descriptors() + 300); // ours of the 200, and a few of theirs
}

TEST_CASE("callers at the same time are all greeted", "[runtime][greeting]") {
  constexpr std::size_t many = 40;
  std::mutex mutex;
  std::vector<stream_pointer> came;
  std::promise<void> all_came;
  const auto host = listen_tcp("127.0.0.1", 0, ours, [&](stream_pointer met) {
    const std::lock_guard lock(mutex);
    came.push_back(std::move(met));
    if (came.size() == many) all_came.set_value();
  });
  std::vector<std::future<bool>> calls;
  for (std::size_t i = 0; i < many; ++i)
    calls.push_back(std::async(std::launch::async, [&] {
      return call_tcp("127.0.0.1", host.value()->port(), ours, soon()).has_value();
    }));
  for (auto& call : calls) CHECK(call.get());
  CHECK(all_came.get_future().wait_until(soon()) == std::future_status::ready);
}

TEST_CASE("a greeter ends at once and leaves no thread and no descriptor", "[runtime][greeting]") {
  const holdings before;
  const auto begin = clock_type::now();
  {
    std::vector<socket_peer> strangers; // they stay longer than the greeter
    const auto host = listen_tcp("127.0.0.1", 0, ours, [](stream_pointer) {});
    for (int i = 0; i < 20; ++i) strangers.push_back(socket_peer::at(host.value()->port()));
    strangers.back().say(knock_of(ours.token));
    CHECK(strangers.back().hear(32).size() == 32); // its greeting is under way
    REQUIRE(call_tcp("127.0.0.1", host.value()->port(), ours, soon()));
  }
  CHECK(clock_type::now() - begin < 5s);
  CHECK(all_is_given_back(before));
}

TEST_CASE("a call says what is wrong with where it goes", "[runtime][greeting]") {
  std::uint16_t port = 0;
  {
    const auto host = listen_tcp("127.0.0.1", 0, ours, {});
    port = host.value()->port();
    const auto taken = listen_tcp("127.0.0.1", port, ours, {});
    CHECK(taken.error().code == errc::bad_argument);
    CHECK_THAT(taken.error().text, Catch::Contains("127.0.0.1:" + std::to_string(port)));
  }
  CHECK(call_tcp("127.0.0.1", port, ours, soon()).error().code == errc::peer_gone);
  CHECK(call_tcp("no address", port, ours, soon()).error().code == errc::bad_argument);
  CHECK(listen_tcp("192.0.2.1", 0, ours, {}).error().code == errc::bad_argument);
  CHECK(call_local(unique_name(), ours, soon()).error().code == errc::peer_gone);
  CHECK(call_local(std::string(200, 'x'), ours, soon()).error().code == errc::bad_argument);
}

TEST_CASE("a call to a host that never answers ends at its deadline", "[runtime][greeting]") {
  descriptor mute(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(mute.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(::listen(mute.get(), 1) == 0);
  REQUIRE(::getsockname(mute.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  const auto late = call_tcp("127.0.0.1", ntohs(at.sin_port), ours, clock_type::now() + 60ms);
  CHECK(late.error().code == errc::timed_out);
}
