// Storms on real jobs, as a user raises them. LAGRANGE_STORM_SEED=N raises that one, and
// LAGRANGE_STORM_KILLS=N makes it longer.
#include "apps/control_socket.hpp"
#include "apps/left_behind.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>

using namespace lagrange;
using nlohmann::json;
using tests::running_program;

namespace {

std::string number_from(const char* variable, const char* otherwise) {
  const char* found = std::getenv(variable);
  return found != nullptr ? found : otherwise;
}

std::vector<std::string> storm(const tests::temporary_folder& folder,
                               const std::vector<std::string>& more) {
  std::vector<std::string> words{"chaos", "--output", (folder.path() / "runs").string(), "--seed",
                                 number_from("LAGRANGE_STORM_SEED", "7")};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::filesystem::path run_in(const tests::temporary_folder& folder) {
  return std::filesystem::directory_iterator(folder.path() / "runs")->path();
}

json report_in(const tests::temporary_folder& folder) {
  std::ifstream file(folder.path() / "report.json");
  return json::parse(file, nullptr, false);
}

/// Reads what a program says until a line has this text.
bool hears(running_program& program, const std::string& text) {
  while (const auto line = program.line())
    if (line->find(text) != std::string::npos) return true;
  return false;
}

/// Every claim of such a storm holds, and every strike has an end.
void check_proven(std::vector<std::string> more) {
  const tests::temporary_folder folder;
  more.insert(more.end(), {"--report", (folder.path() / "report.json").string()});
  running_program program(storm(folder, more));
  const auto end = program.wait(std::chrono::hours(1));
  INFO(program.output());
  CHECK(end.status == 0);
  const auto report = report_in(folder);
  REQUIRE(report.is_object());
  CHECK(report["proven"] == true);
  CHECK(report["claims"].size() == 6);
  for (const auto& strike : report["strikes"]) CHECK(strike["recovery_ms"].is_number());
  CHECK(std::filesystem::exists(run_in(folder) / "chaos.json"));
  CHECK(program.output().find("NOT PROVEN") == std::string::npos);
}

} // namespace

TEST_CASE("SH-2 LE-1 EN-1: after a storm on all roles the parameters are the exact count",
          "[apps][process][storm]") {
  check_proven({"--kills", number_from("LAGRANGE_STORM_KILLS", "8")});
}

TEST_CASE(
    "DU-1 SH-2: after a storm on shards and their replicas the parameters are the exact count",
    "[apps][process][storm][replica]") {
  check_proven({"--kills", number_from("LAGRANGE_STORM_KILLS", "6"), "--roles",
                "shard,replica,worker", "--set", "topology.replicas=1"});
}

TEST_CASE("a storm says what it could not prove", "[apps][process][storm]") {
  tests::temporary_folder folder;
  // At another rate the count is not claimed; and the one epoch is over before all is done.
  running_program program(
      storm(folder, {"--kills", "400", "--roles", "worker", "--set", "data.epochs=1", "--set",
                     "optimizer.rate=0.5", "--skip-replay", "--report",
                     (folder.path() / "report.json").string()}));
  const auto end = program.wait(std::chrono::minutes(10));
  INFO(program.output());
  CHECK(end.status == 1);
  const auto report = report_in(folder);
  REQUIRE(report.is_object());
  CHECK(report["proven"] == false);
  CHECK(report["claims"].size() == 4);
  CHECK(program.output().find("NOT PROVEN: ") != std::string::npos);
  CHECK(program.output().find(" of 400 strikes were made") != std::string::npos);
}

TEST_CASE("EN-1: Ctrl-C ends a storm and its job, stopped processes among it",
          "[apps][process][storm]") {
  tests::temporary_folder folder;
  running_program program(
      storm(folder, {"--kills", "50", "--roles", "worker", "--set", "restart.silence=60s"}));
  REQUIRE(hears(program, ": stopped worker-"));
  const auto run = run_in(folder);
  const auto status = json::parse(apps::give_order(run, "status").value().substr(3));
  program.signal(SIGINT);
  const auto end = program.wait(tests::milliseconds(20'000));
  INFO(program.output());
  CHECK(end.status == 130);
  const pid_t supervisor = status["supervisor_pid"];
  CHECK(apps::left_behind(run, {&supervisor, 1}, std::chrono::seconds(10)).empty());
  CHECK(tests::ends_within(supervisor, tests::milliseconds(0)));
}
