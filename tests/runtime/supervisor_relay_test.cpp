#include "runtime/supervisor_relay.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {
using namespace runtime;
using namespace std::chrono_literals;

namespace {

const endpoint somewhere{"127.0.0.1", 4711};

supervisor_relay followed() { return supervisor_relay({{1}, 5s}); }
/// The newest command of the run.
command_sighting seen(std::uint32_t command, bool is_held = true,
                      std::optional<endpoint> where = std::nullopt) {
  return {{command}, is_held, false, std::move(where)};
}

} // namespace

TEST_CASE("EN-1: a node whose supervisor nobody follows ends after the adoption window",
          "[runtime][relay]") {
  auto relay = followed();
  CHECK_FALSE(relay.on_look(seen(1), at(0ms)).end);
  CHECK(relay.is_followed());
  CHECK_FALSE(relay.on_down(at(100ms)).end);
  CHECK_FALSE(relay.is_followed());
  CHECK_FALSE(relay.on_look(seen(1, false), at(5'099ms)).end);
  const auto end = relay.on_look(seen(1, false), at(5'100ms)).end;
  REQUIRE(end);
  CHECK(*end == "no supervisor has followed within restart.adoption_window = 5 s");
}

TEST_CASE("a node without an adoption window ends with its supervisor", "[runtime][relay]") {
  supervisor_relay relay({{1}, 0s});
  CHECK(relay.on_down(at(1ms)).end == std::optional<std::string>(""));
}

TEST_CASE("a node follows the supervisor that has taken the next command", "[runtime][relay]") {
  auto relay = followed();
  relay.on_down(at(0ms));
  // It holds the command, and is waited for as long as it does.
  CHECK_FALSE(relay.on_look(seen(2), at(4'900ms)).connect);
  CHECK_FALSE(relay.on_look(seen(2), at(9'000ms)).end);
  const auto connect = relay.on_look(seen(2, true, somewhere), at(9'100ms)).connect;
  REQUIRE(connect);
  CHECK(connect->port == somewhere.port);
  CHECK_FALSE(relay.is_followed()); // until it is connected
  relay.on_connected();
  CHECK(relay.is_followed());
  CHECK(relay.command() == command_number{2});
  CHECK_FALSE(relay.on_look(seen(2, true, somewhere), at(9'200ms)).connect);
}

TEST_CASE("a node leaves a supervisor that lives but was replaced", "[runtime][relay]") {
  auto relay = followed();
  CHECK(relay.on_look(seen(2, true, somewhere), at(0ms)).connect);
  CHECK_FALSE(relay.is_followed()); // nothing is told to the old one any more
  relay.on_connected();
  CHECK(relay.is_followed());
  CHECK_FALSE(relay.on_look(seen(1), at(100ms)).connect); // a lower command counts nothing
  CHECK(relay.command() == command_number{2});
}

TEST_CASE("EN-1: a successor that dies before it adopts leaves the node one window more",
          "[runtime][relay]") {
  auto relay = followed();
  relay.on_down(at(0ms));
  CHECK_FALSE(relay.on_look(seen(2), at(4'000ms)).end);
  CHECK_FALSE(relay.on_look(seen(2, false), at(8'999ms)).end);
  CHECK(relay.on_look(seen(2, false), at(9'000ms)).end);
}

TEST_CASE("a node ends at once when nobody is to follow its supervisor", "[runtime][relay]") {
  auto relay = followed();
  auto over = seen(1, false);
  over.is_over = true;
  CHECK(relay.on_look(over, at(1ms)).end == std::optional<std::string>(""));
}

} // namespace lagrange::tests
