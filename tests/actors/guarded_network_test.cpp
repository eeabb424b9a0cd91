// CAF behind the greeting: nobody hears a byte of it without the job's token.
#include "actors/guarded_network.hpp"

#include "actors/system.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/socket_peer.hpp"
#include "tests/support/temporary_folder.hpp"

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace std::chrono_literals;
using transport::security;

namespace {

constexpr auto loopback = "127.0.0.1";
constexpr std::chrono::seconds patience{20};

using echo_actor = caf::typed_actor<caf::replies_to<std::string>::with<std::string>>;
using other_actor = caf::typed_actor<caf::replies_to<int>::with<int>>;

echo_actor::behavior_type echo(echo_actor::pointer) {
  return {[](const std::string& x) { return x; }};
}

struct process {
  actors::system_config config{actors::network::caf, actors::scheduling::pool, 2};
  caf::actor_system system{config};
};

/// A process with a published actor, which ends with it.
struct host : process {
  explicit host(security x) : with(std::move(x)) {
    const auto opened = actors::publish(system, published, loopback, 0, with);
    REQUIRE(opened);
    port = opened.value();
  }
  ~host() { caf::anon_send_exit(published, caf::exit_reason::user_shutdown); }

  security with;
  echo_actor published = system.spawn(echo);
  std::uint16_t port = 0;
};

void expect_service(process& from, const echo_actor& at, const std::string& text = "hello") {
  caf::scoped_actor self(from.system);
  self->request(at, patience, text)
      .receive([&](const std::string& x) { CHECK(x == text); },
               [](const caf::error& why) { FAIL(caf::to_string(why)); });
}

echo_actor connect(process& from, const host& to) {
  const auto found = actors::remote_actor<echo_actor>(from.system, loopback, to.port, to.with);
  REQUIRE(found);
  return found.value();
}

security with_token() { return {transport::draw_token(), {}}; }

std::size_t descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

} // namespace

TEST_CASE("two processes with one token talk as CAF does", "[actors][security]") {
  host here(with_token());
  process there;
  const auto found = connect(there, here);
  CHECK(found.node() == here.system.node());
  expect_service(there, found);
  expect_service(there, found, std::string(1 << 20, 'x'));
}

TEST_CASE("a process connects to a second actor of one node over the connection it has",
          "[actors][security]") {
  host here(with_token());
  const auto second = here.system.spawn(echo);
  const auto port = actors::publish(here.system, second, loopback, 0, here.with);
  process there;
  const auto found = connect(there, here);
  const auto also =
      actors::remote_actor<echo_actor>(there.system, loopback, port.value(), here.with);
  REQUIRE(also);
  CHECK(also.value() != found);
  CHECK(connect(there, here) == found);
  expect_service(there, found);
  expect_service(there, also.value());
  caf::anon_send_exit(second, caf::exit_reason::user_shutdown);
}

TEST_CASE("two processes may connect to each other", "[actors][security]") {
  const auto with = with_token();
  host here(with);
  host there(with);
  expect_service(there, connect(there, here));
  expect_service(here, connect(here, there));
}

TEST_CASE("a peer with another token gets an error that says so", "[actors][security]") {
  host here(with_token());
  process there;
  const auto refused =
      actors::remote_actor<echo_actor>(there.system, loopback, here.port, with_token());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::fenced);
  CHECK_THAT(refused.error().text, Catch::Contains("another token"));
  expect_service(there, connect(there, here));
}

TEST_CASE("whoever does not know the token hears not one byte of CAF", "[actors][security]") {
  host here(with_token());
  auto silent = tests::socket_peer::at(here.port);
  auto scanner = tests::socket_peer::at(here.port);
  scanner.say(std::vector<std::byte>(4096));
  CHECK(scanner.hear_out().empty());
  CHECK_FALSE(silent.is_readable(50ms)); // CAF would have introduced itself
  process there;
  expect_service(there, connect(there, here));
}

TEST_CASE("a CAF of its own gets no connection and disturbs nobody", "[actors][security]") {
  host here(with_token());
  process there;
  const auto before = connect(there, here);
  process stranger;
  const auto begin = std::chrono::steady_clock::now();
  const auto refused = stranger.system.middleman().remote_actor<echo_actor>(loopback, here.port);
  CHECK_FALSE(refused);
  CHECK(std::chrono::steady_clock::now() - begin < 5s); // sent away as soon as it speaks
  expect_service(there, before);
  expect_service(there, connect(there, here));
}

TEST_CASE("an actor of another kind is refused at connect", "[actors][security]") {
  host here(with_token());
  process there;
  const auto refused =
      actors::remote_actor<other_actor>(there.system, loopback, here.port, here.with);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::bad_argument);
  CHECK_THAT(refused.error().text, Catch::Contains("another kind of actor"));
}

TEST_CASE("the death of a process is noticed as CAF notices it", "[actors][security]") {
  const auto is_encrypted = GENERATE(false, true);
  const tests::temporary_folder folder;
  const tests::authority authority(folder.path(), "authority");
  security with = with_token();
  if (is_encrypted) with.tls = authority.issue("both");
  auto here = std::make_unique<host>(with);
  process there;
  const auto found = connect(there, *here);
  caf::scoped_actor self(there.system);
  self->monitor(found);
  here.reset();
  bool is_noticed = false;
  self->receive([&](const caf::down_msg&) { is_noticed = true; },
                caf::after(patience) >> [] { FAIL("nobody noticed"); });
  CHECK(is_noticed);
  const auto gone = actors::remote_actor<echo_actor>(there.system, loopback, 1, with);
  CHECK(gone.error().code == errc::peer_gone);
}

TEST_CASE("the port is closed when its actor ends", "[actors][security]") {
  process here;
  const auto with = with_token();
  const auto published = here.system.spawn(echo);
  const auto port = actors::publish(here.system, published, loopback, 0, with);
  caf::scoped_actor self(here.system);
  self->send_exit(published, caf::exit_reason::user_shutdown);
  self->wait_for(published);
  process there;
  // The actor counts as ended a little before all that was attached to it is gone.
  for (;;) {
    const auto found = actors::remote_actor<echo_actor>(there.system, loopback, port.value(), with);
    REQUIRE_FALSE(found);
    if (found.error().text.find("refused") != std::string::npos) break;
  }
}

TEST_CASE("under TLS two processes talk, and nobody else does", "[actors][security]") {
  const tests::temporary_folder folder;
  const tests::authority ours(folder.path(), "ours");
  const tests::authority theirs(folder.path(), "theirs");
  const auto token = transport::draw_token();
  host here({token, ours.issue("host")});
  process there;
  const auto found = connect(there, here);
  expect_service(there, found);
  expect_service(there, found, std::string(4 << 20, 'x'));
  auto stranger = theirs.issue("stranger");
  stranger.authority = ours.file();
  for (const security& with : {security{token, {}}, security{token, stranger}}) {
    const auto refused = actors::remote_actor<echo_actor>(there.system, loopback, here.port, with);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::fenced);
  }
  expect_service(there, found);
}

TEST_CASE("an actor is not published under TLS without its files", "[actors][security]") {
  process here;
  const auto published = here.system.spawn(echo);
  const auto refused = actors::publish(here.system, published, loopback, 0,
                                       {transport::draw_token(), transport::tls_files{}});
  CHECK(refused.error().code == errc::bad_file);
  caf::anon_send_exit(published, caf::exit_reason::user_shutdown);
}

TEST_CASE("connections leave no descriptor behind", "[actors][security]") {
  const tests::temporary_folder folder;
  const tests::authority authority(folder.path(), "authority");
  const auto before = descriptors();
  {
    host here({transport::draw_token(), authority.issue("host")});
    process there, elsewhere;
    expect_service(there, connect(there, here));
    expect_service(elsewhere, connect(elsewhere, here));
  }
  CHECK(descriptors() == before);
}
