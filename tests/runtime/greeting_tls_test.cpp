// Greetings under TLS: nobody without a certificate of our authority, nobody without the token, and
// nobody between.
#include "runtime/transport/greet.hpp"
#include "runtime/transport/plain_stream.hpp"
#include "runtime/transport/proof.hpp"
#include "runtime/transport/tls_stream.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/socket_peer.hpp"
#include "tests/support/temporary_folder.hpp"

#include <poll.h>

#include <fstream>
#include <future>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::runtime::transport;
using namespace lagrange::tests;
using namespace std::chrono_literals;

namespace {

using stream_pointer = std::unique_ptr<stream>;
using greeting_result = result<stream_pointer>;

struct place {
  temporary_folder folder;
  authority ours{folder.path(), "ours"};
  authority theirs{folder.path(), "theirs"};
  job_token token = draw_token();
  security with(const tls_files& files) const { return {token, files}; }
};

patience patient() { return patience(std::chrono::steady_clock::now() + 20s); }

std::future<greeting_result> greeting(greeting_side side, descriptor socket, security with) {
  return std::async(std::launch::async,
                    [side, socket = std::move(socket), with = std::move(with)]() mutable {
                      return greet_patiently(std::move(socket), side, with, patient());
                    });
}

struct outcome {
  greeting_result caller, host;
};
outcome meet(const security& caller, const security& host) {
  auto ends = make_socket_pair();
  auto at_host = greeting(greeting_side::host, std::move(ends.here), host);
  auto at_caller = greeting(greeting_side::caller, std::move(ends.there), caller);
  auto first = at_caller.get();
  return {std::move(first), at_host.get()};
}

void expect_fenced(const greeting_result& met, const std::string& text) {
  REQUIRE_FALSE(met);
  CHECK(met.error().code == errc::fenced);
  CHECK_THAT(met.error().text, Catch::Contains(text));
}

/// The first half of a greeting, passed on by somebody between who does not know the token.
void pass_on_token(socket_peer& caller, socket_peer& host) {
  host.say(caller.hear(knock_bytes));
  caller.say(host.hear(32));
  host.say(caller.hear(32));
  caller.say(host.hear(32));
}

/// A TLS client that shows no certificate. Whether the host talked to it.
bool is_welcome_without_certificate(const descriptor& socket) {
  const tls_context context(::SSL_CTX_new(::TLS_client_method()));
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(::SSL_new(context.get()), ::SSL_free);
  ::SSL_set_fd(ssl.get(), socket.get());
  std::byte answer;
  std::size_t count = 0;
  return ::SSL_connect(ssl.get()) == 1 && ::SSL_read_ex(ssl.get(), &answer, 1, &count) == 1;
}

} // namespace

TEST_CASE("two with the token and certificates of one authority talk under TLS",
          "[runtime][greeting]") {
  const place here;
  auto [caller, host] = meet(here.with(here.ours.issue("a")), here.with(here.ours.issue("b")));
  REQUIRE(caller);
  REQUIRE(host);
  std::vector<std::byte> said(3 << 20);
  draw(said);
  const auto whole = said;
  auto sending = std::async(
      std::launch::async, [&] { return send_all(*caller.value(), whole, patient()).has_value(); });
  std::vector<std::byte> heard(said.size());
  CHECK(receive_all(*host.value(), heard, patient(), {}));
  CHECK(sending.get());
  CHECK(heard == said);
}

TEST_CASE("bytes that TLS holds inside are shown as pending", "[runtime][greeting]") {
  const place here;
  auto [caller, host] = meet(here.with(here.ours.issue("a")), here.with(here.ours.issue("b")));
  const std::array<std::byte, 100> said{};
  CHECK(send_all(*caller.value(), said, patient()));
  CHECK(patient().wait(host.value()->pollable(), POLLIN));
  std::array<std::byte, 60> some{};
  CHECK(host.value()->read(some).bytes == 60);
  CHECK(host.value()->has_pending());
  CHECK(host.value()->read(some).bytes == 40);
  CHECK_FALSE(host.value()->has_pending());
  CHECK(host.value()->read(some).what == transfer::state::would_block);
  caller.value().reset();
  CHECK(host.value()->read(some).what == transfer::state::closed);
}

TEST_CASE("a connection that is cut within TLS is no orderly end", "[runtime][greeting]") {
  const place here;
  auto [caller, host] = meet(here.with(here.ours.issue("a")), here.with(here.ours.issue("b")));
  ::shutdown(caller.value()->pollable(), SHUT_RDWR);
  std::array<std::byte, 10> some{};
  const auto cut = host.value()->read(some);
  CHECK(cut.what == transfer::state::failed);
  CHECK(cut.why.code == errc::peer_gone);
}

TEST_CASE("a certificate of another authority is refused", "[runtime][greeting]") {
  const place here;
  auto stranger = here.theirs.issue("b");
  stranger.authority = here.ours.file(); // it trusts us, but we do not trust it
  const auto ours = here.with(here.ours.issue("a"));
  SECTION("of a caller") {
    const auto [caller, host] = meet(here.with(stranger), ours);
    expect_fenced(host, "certificate is refused");
    expect_fenced(caller, "no TLS with the peer");
  }
  SECTION("of a host") {
    const auto [caller, host] = meet(ours, here.with(stranger));
    expect_fenced(caller, "certificate is refused");
    expect_fenced(host, "no TLS with the peer");
  }
}

TEST_CASE("an expired certificate is refused", "[runtime][greeting]") {
  const place here;
  const auto old = here.with(here.ours.issue("old", -1));
  const auto ours = here.with(here.ours.issue("a"));
  expect_fenced(meet(old, ours).host, "expired");
  expect_fenced(meet(ours, old).caller, "expired");
}

TEST_CASE("a certificate without the token is worth nothing", "[runtime][greeting]") {
  const place here;
  const auto files = here.ours.issue("a");
  const auto [caller, host] = meet({draw_token(), files}, here.with(files));
  expect_fenced(caller, "another token");
  expect_fenced(host, "does not know the job's token");
}

TEST_CASE("the token without a certificate is worth nothing", "[runtime][greeting]") {
  const place here;
  auto ends = make_socket_pair();
  auto met = greeting(greeting_side::host, std::move(ends.here), here.with(here.ours.issue("a")));
  // By hand, because a greeting of ours would never go without: the token's half, then TLS.
  transcript said;
  said.uses_tls = true;
  draw(said.caller);
  socket_peer peer(std::move(ends.there));
  const std::array<char, 8> head{'l', 'a', 'g', 'r', 'n', 'g', 1, 1};
  peer.say(std::as_bytes(std::span(head)));
  peer.say(said.caller);
  peer.say(prove(here.token, purpose::knock, said));
  std::ranges::copy(peer.hear(32), said.host.begin());
  peer.say(prove(here.token, purpose::caller_knows, said));
  CHECK(peer.hear(32).size() == 32);
  CHECK_FALSE(is_welcome_without_certificate(peer.take()));
  expect_fenced(met.get(), "no TLS with the peer");
}

TEST_CASE("two of whom one uses TLS do not talk", "[runtime][greeting]") {
  const place here;
  const security plain{here.token, {}};
  const auto encrypted = here.with(here.ours.issue("a"));
  SECTION("the caller does not") {
    const auto [caller, host] = meet(plain, encrypted);
    expect_fenced(host, "without TLS");
    expect_fenced(caller, "TLS");
  }
  SECTION("the host does not") {
    const auto [caller, host] = meet(encrypted, plain);
    expect_fenced(host, "with TLS");
    expect_fenced(caller, "TLS");
  }
}

TEST_CASE("nobody with a certificate alone sits between two who know the token",
          "[runtime][greeting]") {
  const place here;
  auto left = make_socket_pair();
  auto right = make_socket_pair();
  auto caller =
      greeting(greeting_side::caller, std::move(left.here), here.with(here.ours.issue("a")));
  auto host = greeting(greeting_side::host, std::move(right.here), here.with(here.ours.issue("b")));
  socket_peer to_caller(std::move(left.there));
  socket_peer to_host(std::move(right.there));
  pass_on_token(to_caller, to_host);
  const auto files = here.ours.issue("between");
  auto as_host =
      start_tls(make_plain_stream(to_caller.take()), greeting_side::host, files, patient());
  auto as_caller =
      start_tls(make_plain_stream(to_host.take()), greeting_side::caller, files, patient());
  REQUIRE(as_host);
  REQUIRE(as_caller);
  proof passed{};
  CHECK(receive_all(*as_caller.value().inside, passed, patient(), {}));
  CHECK(send_all(*as_host.value().inside, passed, patient()));
  expect_fenced(caller.get(), "does not know the job's token");
  as_caller.value().inside.reset();
  CHECK_FALSE(host.get());
}

TEST_CASE("TLS files are checked before anything starts, and a bad one is named",
          "[runtime][greeting]") {
  const place here;
  const auto good = here.ours.issue("good");
  const auto expect_refused = [](const tls_files& files, const std::filesystem::path& named,
                                 const std::string& why) {
    const auto checked = check_tls(files);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::bad_file);
    CHECK_THAT(checked.error().text, Catch::Contains(named.string()) && Catch::Contains(why));
  };
  CHECK(check_tls(good));
  expect_refused({good.certificate, good.key, {}}, {}, "no file is named for the authority");
  expect_refused({good.certificate, {}, good.authority}, {}, "no file is named");
  expect_refused({{}, good.key, good.authority}, {}, "no file is named");
  const auto none = here.folder.path() / "none.pem";
  expect_refused({none, good.key, good.authority}, none, "No such file");
  expect_refused({good.certificate, none, good.authority}, none, "No such file");
  expect_refused({good.certificate, good.key, none}, none, "No such file");
  const std::filesystem::path garbage = here.folder.write("garbage.pem", "no PEM");
  expect_refused({garbage, good.key, good.authority}, garbage, "no certificate as PEM");
  expect_refused({good.certificate, garbage, good.authority}, garbage, "not the key");
  expect_refused({good.certificate, good.key, garbage}, garbage, "authority");
  const auto other = here.ours.issue("other");
  expect_refused({good.certificate, other.key, good.authority}, other.key, "not the key");
  const auto old = here.ours.issue("old", -1);
  expect_refused(old, old.certificate, "expired");
  auto foreign = here.theirs.issue("foreign");
  foreign.authority = here.ours.file();
  expect_refused(foreign, foreign.certificate, "would refuse it");
}

TEST_CASE("a greeting with a bad TLS file names it", "[runtime][greeting]") {
  const place here;
  auto broken = here.ours.issue("a");
  const auto good = here.with(here.ours.issue("b"));
  broken.key = here.ours.issue("c").key;
  const auto met = meet(here.with(broken), good);
  CHECK(met.caller.error().code == errc::bad_file);
  CHECK_THAT(met.caller.error().text, Catch::Contains(broken.key.string()));
}
