// Who knows the token is greeted; to everybody else a host is mute.
#include "runtime/transport/greet.hpp"

#include "tests/support/knock.hpp"
#include "tests/support/socket_peer.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sys/stat.h>

#include <future>
#include <random>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::runtime::transport;
using namespace lagrange::tests;
using namespace std::chrono_literals;

namespace {

using greeting_result = result<std::unique_ptr<stream>>;
using clock_type = std::chrono::steady_clock;

const security ours{draw_token(), {}};

/// A greeting of this side, while the test is the other one.
std::future<greeting_result> greeting(greeting_side side, descriptor socket,
                                      const security& with = ours,
                                      std::chrono::milliseconds within = 20s) {
  return std::async(std::launch::async, [=, socket = std::move(socket)]() mutable {
    return greet(std::move(socket), side, with, clock_type::now() + within);
  });
}

struct stranger {
  socket_peer peer;
  std::future<greeting_result> met;
};
stranger meet(greeting_side side, std::chrono::milliseconds within = 20s) {
  auto ends = make_socket_pair();
  return {socket_peer(std::move(ends.there)), greeting(side, std::move(ends.here), ours, within)};
}

void say(stream& to, std::string_view text) {
  CHECK(send_all(to, std::as_bytes(std::span(text)), patience(clock_type::now() + 20s)));
}
std::string hear(stream& from, std::size_t count) {
  std::string text(count, ' ');
  CHECK(receive_all(from, std::as_writable_bytes(std::span(text)),
                    patience(clock_type::now() + 20s), {}));
  return text;
}

} // namespace

TEST_CASE("two who know the token talk both ways", "[runtime][greeting]") {
  auto ends = make_socket_pair();
  auto host = greeting(greeting_side::host, std::move(ends.here));
  auto caller = greeting(greeting_side::caller, std::move(ends.there));
  const auto a = caller.get();
  const auto b = host.get();
  REQUIRE(a);
  REQUIRE(b);
  say(*a.value(), "and now to work");
  CHECK(hear(*b.value(), 15) == "and now to work");
  say(*b.value(), "so be it");
  CHECK(hear(*a.value(), 8) == "so be it");
  CHECK_FALSE(a.value()->has_pending());
}

TEST_CASE("two with different tokens are fenced, both of them", "[runtime][greeting]") {
  auto ends = make_socket_pair();
  auto host = greeting(greeting_side::host, std::move(ends.here));
  auto caller = greeting(greeting_side::caller, std::move(ends.there), {draw_token(), {}});
  const auto a = caller.get();
  const auto b = host.get();
  REQUIRE_FALSE(a);
  REQUIRE_FALSE(b);
  CHECK(a.error().code == errc::fenced);
  CHECK(b.error().code == errc::fenced);
  CHECK_THAT(a.error().text, Catch::Contains("another token"));
  CHECK_THAT(b.error().text, Catch::Contains("does not know the job's token"));
}

TEST_CASE("a host says not one byte to who does not know the token", "[runtime][greeting]") {
  auto other = ours.token;
  other.back() ^= std::byte{1};
  auto [peer, met] = meet(greeting_side::host);
  peer.say(knock_of(other));
  CHECK(peer.hear_out().empty());
  CHECK(met.get().error().code == errc::fenced);
}

TEST_CASE("a host says not one byte to who says less than a knock", "[runtime][greeting]") {
  const auto whole = knock_of(ours.token);
  const auto count = GENERATE(std::size_t{0}, std::size_t{1}, knock_bytes - 1);
  auto [peer, met] = meet(greeting_side::host);
  if (count > 0) peer.say(std::span(whole).first(count));
  peer.end_sending();
  CHECK(peer.hear_out().empty());
  CHECK(met.get().error().code == errc::peer_gone);
}

TEST_CASE("a host says not one byte to who says garbage", "[runtime][greeting]") {
  std::mt19937_64 random(20261123);
  for (int attempt = 0; attempt < 50; ++attempt) {
    auto [peer, met] = meet(greeting_side::host);
    std::vector<std::byte> bytes(knock_bytes + random() % 4096);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    if (attempt % 2 == 0) std::copy_n(knock_of(ours.token).begin(), 8, bytes.begin());
    peer.say(bytes);
    CHECK(peer.hear_out().empty());
    CHECK(met.get().error().code == errc::fenced);
  }
}

TEST_CASE("a host says not one byte to another version", "[runtime][greeting]") {
  auto [peer, met] = meet(greeting_side::host);
  peer.say(knock_of(ours.token, 2));
  CHECK(peer.hear_out().empty());
  CHECK_THAT(met.get().error().text, Catch::Contains("another version"));
}

TEST_CASE("a host answers a knock with its number alone until the caller has proved itself",
          "[runtime][greeting]") {
  auto [peer, met] = meet(greeting_side::host);
  peer.say(knock_of(ours.token));
  CHECK(peer.hear(32).size() == 32);
  CHECK_FALSE(peer.is_readable(50ms));
  peer.say(std::vector<std::byte>(32));
  CHECK(peer.hear_out().empty());
  CHECK(met.get().error().code == errc::fenced);
}

TEST_CASE("a recorded greeting is worth nothing", "[runtime][greeting]") {
  std::vector<std::byte> said, answered;
  {
    auto [host, at_host] = meet(greeting_side::host);
    auto [caller, at_caller] = meet(greeting_side::caller);
    const auto pass = [&](socket_peer& from, socket_peer& to, std::size_t count) {
      const auto bytes = from.hear(count);
      to.say(bytes);
      return bytes;
    };
    said = pass(caller, host, knock_bytes);
    answered = pass(host, caller, 32);
    const auto knows = pass(caller, host, 32);
    said.insert(said.end(), knows.begin(), knows.end());
    const auto host_knows = pass(host, caller, 32);
    answered.insert(answered.end(), host_knows.begin(), host_knows.end());
    CHECK(at_host.get());
    CHECK(at_caller.get());
  }
  auto [host, met] = meet(greeting_side::host);
  host.say(said);
  const auto answer = host.hear_out();
  CHECK(answer.size() == 32); // a number, and none that was ever used
  CHECK_FALSE(std::ranges::equal(answer, std::span(answered).first(32)));
  CHECK(met.get().error().code == errc::fenced);
  auto [caller, called] = meet(greeting_side::caller);
  caller.say(answered);
  CHECK(called.get().error().code == errc::fenced);
}

TEST_CASE("a caller does not take its own words for a host's", "[runtime][greeting]") {
  auto [peer, met] = meet(greeting_side::caller);
  const auto knock = peer.hear(knock_bytes);
  const auto way = GENERATE(0, 1);
  if (way == 0) {
    peer.say(knock); // all of it, as an echo does
  } else {
    peer.say(std::span(knock).subspan(8, 32)); // its number as the host's
    peer.say(peer.hear(32));                   // and its proof as the host's
  }
  CHECK(met.get().error().code == errc::fenced);
}

TEST_CASE("a caller takes no host that only knows its numbers", "[runtime][greeting]") {
  auto [peer, met] = meet(greeting_side::caller);
  peer.hear(knock_bytes);
  peer.say(std::vector<std::byte>(64));
  CHECK(met.get().error().code == errc::fenced);
}

TEST_CASE("a greeting with a silent peer ends at its deadline", "[runtime][greeting]") {
  const auto side = GENERATE(greeting_side::caller, greeting_side::host);
  const auto begin = clock_type::now();
  auto [peer, met] = meet(side, 60ms);
  if (side == greeting_side::host) peer.say(knock_of(ours.token)); // then never a word more
  CHECK(met.get().error().code == errc::timed_out);
  CHECK(clock_type::now() - begin >= 60ms);
  CHECK(clock_type::now() - begin < 10s);
}

TEST_CASE("a peer that drips cannot stretch a greeting beyond its deadline",
          "[runtime][greeting]") {
  auto [peer, met] = meet(greeting_side::host, 200ms);
  const auto knock = knock_of(ours.token);
  for (std::size_t i = 0; i + 1 < knock.size(); ++i) {
    peer.say(std::span(knock).subspan(i, 1));
    if (met.wait_for(5ms) == std::future_status::ready) break;
  }
  CHECK(met.get().error().code == errc::timed_out);
}

TEST_CASE("a peer that leaves ends a greeting at once", "[runtime][greeting]") {
  auto [peer, met] = meet(greeting_side::host);
  peer.say(knock_of(ours.token));
  peer.hear(32);
  peer.leave();
  CHECK(met.get().error().code == errc::peer_gone);
}

TEST_CASE("a token is read as it was written, and nothing else is one", "[runtime][greeting]") {
  const temporary_folder folder;
  const auto token = draw_token();
  CHECK(token != draw_token());
  const auto write = [&](const std::string& text) {
    const auto file = folder.write("token", text);
    ::chmod(file.c_str(), 0600);
    return read_token(file);
  };
  const auto text = to_text(token);
  CHECK(text.size() == 64);
  CHECK(write(text + "\n").value() == token);
  CHECK(write(text).value() == token);
  for (const auto& bad : {text.substr(1) + "\n", text + "0\n", text + "\n\n", std::string(),
                          text.substr(1) + "g\n", std::string(1 << 20, '0')})
    CHECK_THAT(write(bad).error().text, Catch::Contains("64 hexadecimal digits"));
  ::chmod((folder.path() / "token").c_str(), 0640);
  CHECK_THAT(read_token(folder.path() / "token").error().text, Catch::Contains("chmod 600"));
  CHECK(read_token(folder.path() / "none").error().code == errc::bad_file);
  CHECK_THAT(read_token("/dev/zero").error().text, Catch::Contains("not a file"));
}
