#include "apps/run_command.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <optional>

using namespace lagrange;
using apps::look_for_command;
using apps::run_command;
using runtime::command_number;

TEST_CASE("of two supervisors one has the run", "[apps][adoption]") {
  tests::temporary_folder folder;
  const auto& run = folder.path();
  CHECK(look_for_command(run).what.command == command_number{0});
  std::optional<run_command> first(run_command::take(run).value());
  CHECK(first->number() == command_number{1});
  CHECK(look_for_command(run).what.is_held);
  const auto second = run_command::take(run);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == runtime::errc::bad_argument);
  CHECK(second.error().text.find("belongs to a supervisor that still runs") != std::string::npos);
  first.reset(); // as when its process ends, however
  CHECK_FALSE(look_for_command(run).what.is_held);
  CHECK(run_command::take(run).value().number() == command_number{2});
}

TEST_CASE("a supervisor that was replaced knows when it looks", "[apps][adoption]") {
  tests::temporary_folder folder;
  const auto old = run_command::take(folder.path()).value();
  CHECK_FALSE(old.is_replaced());
  const auto next = run_command::replace(folder.path()).value();
  CHECK(next.number() == command_number{2});
  CHECK(old.is_replaced());
  CHECK_FALSE(next.is_replaced());
  REQUIRE(next.announce("127.0.0.1", 4711));
  const auto seen = look_for_command(folder.path(), {1});
  REQUIRE(seen.what.at);
  CHECK(seen.what.at->host == "127.0.0.1");
  CHECK(seen.what.at->port == 4711);
  CHECK_FALSE(seen.what.is_over);
  next.lay_down();
  CHECK(look_for_command(folder.path()).what.is_over);
}

TEST_CASE("a line that is still being written is no line", "[apps][adoption]") {
  tests::temporary_folder folder;
  std::ofstream(folder.path() / "command-1") << "pid 12\nat 127.0.0.1 47";
  const auto seen = look_for_command(folder.path());
  CHECK(seen.supervisor == 12);
  CHECK_FALSE(seen.what.at);
}
