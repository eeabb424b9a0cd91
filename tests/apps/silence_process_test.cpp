// Processes that are stopped and not dead: who is replaced, and who is not.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace lagrange;
using nlohmann::json;
using tests::row_of;
using tests::running_program;

namespace {

std::vector<std::string> job(const tests::temporary_folder& folder, const std::string& silence) {
  return {"run",       "--json",
          "--output",  folder.path().string(),
          "--policy",  "ssp:3",
          "--set",     "name=tested",
          "--set",     "model.name=softmax",
          "--set",     "data.format=synthetic",
          "--set",     "data.path=blobs:12000:16:4",
          "--set",     "data.batch=8",
          "--set",     "data.epochs=8",
          "--set",     "restart.silence=" + silence,
          "--workers", "3",
          "--summary", (folder.path() / "summary.json").string()};
}

json summary_in(const tests::temporary_folder& folder) {
  std::ifstream file(folder.path() / "summary.json");
  return json::parse(file, nullptr, false);
}

bool has_steps(const json& status, const std::string& name) {
  const auto row = row_of(status, name);
  return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= 5;
}

void check_done(const json& summary, int restarts) {
  REQUIRE(summary.is_object());
  CHECK(summary["outcome"] == "done");
  CHECK(summary["leases"]["applied"] == 12000);
  CHECK(summary["leases"]["lost"] == 0);
  CHECK(summary["leases"]["duplicated"] == 0);
  CHECK(summary["restarts"]["worker"] == restarts);
}

} // namespace

TEST_CASE("CL-2 EN-1: a worker that is stopped falls silent, is killed and replaced",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "1s"));
  const auto status =
      program.status_where([](const json& seen) { return has_steps(seen, "worker-1"); });
  REQUIRE(status.is_object());
  const auto stopped = row_of(status, "worker-1")["pid"].get<pid_t>();
  REQUIRE(::kill(stopped, SIGSTOP) == 0);
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
  check_done(summary_in(folder), 1);
  CHECK(program.output().find("worker-1 fell silent: nothing for 1.") != std::string::npos);
  CHECK(program.output().find("as incarnation 2; 0 lost") != std::string::npos);
  CHECK(tests::ends_within(stopped, tests::milliseconds(0)));
}

TEST_CASE("EN-1: a supervisor that was stopped for longer than restart.silence replaces nobody",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "1s"));
  const auto status =
      program.status_where([](const json& seen) { return has_steps(seen, "worker-1"); });
  REQUIRE(status.is_object());
  REQUIRE(::kill(program.pid(), SIGSTOP) == 0);
  CHECK_FALSE(tests::ends_within(program.pid(), tests::milliseconds(1'800)));
  REQUIRE(::kill(program.pid(), SIGCONT) == 0);
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
  check_done(summary_in(folder), 0);
  CHECK(program.output().find("fell silent") == std::string::npos);
}
