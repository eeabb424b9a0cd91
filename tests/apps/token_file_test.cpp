// How nodes get the job's token: all of them, all of it, and nobody else.
#include "apps/process.hpp"
#include "apps/token_file.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <future>

using namespace lagrange;
using namespace lagrange::apps;
using namespace lagrange::runtime;

namespace {

/// The exit status of a shell's command that inherits the token.
int status_of(const std::string& command, const descriptor& token) {
  std::promise<int> ended;
  process_group group([&](const process_end& end) { ended.set_value(end.status); });
  const auto pid =
      group.start({"-c", command}, {.program = "/bin/sh", .input = token.get(), .output = -1});
  REQUIRE(pid);
  return ended.get_future().get();
}

} // namespace

TEST_CASE("every child reads the whole token, and none can change it", "[apps][security]") {
  const auto drawn = transport::draw_token();
  const auto held = hold_token(drawn);
  const auto is_it =
      "test $(cat " + std::string(inherited_token_file) + ") = " + transport::to_text(drawn);
  CHECK(status_of(is_it, held) == 0);
  CHECK(status_of(is_it, held) == 0);
  CHECK(status_of("exec 2>/dev/null; echo other > " + std::string(inherited_token_file), held) !=
        0);
  CHECK(status_of(is_it, held) == 0);
  const auto own = "/proc/self/fd/" + std::to_string(held.get());
  CHECK(transport::read_token(own).value() == drawn);
}

TEST_CASE("a held token is its user's alone", "[apps][security]") {
  const auto held = hold_token(transport::draw_token());
  struct stat facts {};
  REQUIRE(::fstat(held.get(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  CHECK(facts.st_uid == ::geteuid());
}
