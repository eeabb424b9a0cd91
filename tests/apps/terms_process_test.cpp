// Runs that go on in another term: a shard, the feeder, the supervisor or the user put an end to
// one. What comes is audited and replayed from the journals of all terms.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>

using namespace lagrange;
using Catch::Contains;
using nlohmann::json;
using tests::nodes_of;
using tests::row_of;
using tests::running_program;
namespace fs = std::filesystem;

namespace {

using words = std::vector<std::string>;
constexpr int leases = 5000;

words job(const tests::temporary_folder& folder, const std::string& policy,
          const words& more = {}) {
  words made{"run",       "--json",
             "--output",  folder.path().string(),
             "--policy",  policy,
             "--set",     "name=termed",
             "--set",     "model.name=mlp",
             "--set",     "data.format=synthetic",
             "--set",     "data.path=blobs:4000:16:4",
             "--set",     "data.batch=8",
             "--set",     "data.epochs=10",
             "--set",     "checkpoint.every=200ms",
             "--workers", "3"};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

/// The only run in the folder.
fs::path run_in(const tests::temporary_folder& folder) {
  return fs::directory_iterator(folder.path())->path();
}

words resumed(const fs::path& run, const words& more = {}) {
  words made{"run", "--json", "--resume", run.string()};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

json summary_of(const fs::path& run) {
  std::ifstream file(run / "summary.json");
  return json::parse(file, nullptr, false);
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

json tell(words arguments) {
  arguments.push_back("--json");
  running_program program(arguments);
  program.wait();
  return json::parse(program.output(), nullptr, false);
}

/// Once the worker has made so many steps.
json status_at(running_program& program, int steps) {
  auto status = program.status_where([&](const json& seen) {
    const auto row = row_of(seen, "worker-1");
    return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= steps;
  });
  REQUIRE(status.is_object());
  return status;
}

/// Whether a cut of the run is whole.
bool has_cut(const fs::path& run) {
  std::error_code none;
  for (const auto& each : fs::directory_iterator(run / "checkpoints", none))
    if (fs::exists(each.path() / "manifest.json")) return true;
  return false;
}

/// Once a cut is whole.
json status_with_cut(running_program& program, const tests::temporary_folder& folder) {
  auto status = program.status_where([&](const json& seen) {
    return row_of(seen, "worker-1")["state"] == "running" && has_cut(run_in(folder));
  });
  REQUIRE(status.is_object());
  return status;
}

void kill_one(const json& status, const std::string& name) {
  REQUIRE(::kill(row_of(status, name)["pid"].get<pid_t>(), SIGKILL) == 0);
}

void check_whole(const fs::path& run, std::size_t terms) {
  const auto found = summary_of(run);
  REQUIRE(found.is_object());
  CHECK(found["outcome"] == "done");
  CHECK(found["leases"]["issued"] == leases);
  CHECK(found["leases"]["applied"] == leases);
  CHECK(found["leases"]["lost"] == 0);
  CHECK(found["leases"]["duplicated"] == 0);
  const auto audit = tell({"audit", run.string()});
  INFO(audit.dump());
  CHECK(audit["holds"] == true);
  CHECK(audit["applied"] == leases);
  CHECK(audit["terms"].size() == terms);
  const auto replay = tell({"replay", run.string()});
  INFO(replay.dump());
  CHECK(replay["bit_exact"] == true);
  CHECK(replay["sha256"] == found["parameters_sha256"]);
}

} // namespace

TEST_CASE("LE-1 RE-1: a job goes back and on when a shard or its feeder is killed",
          "[apps][process][terms]") {
  const std::vector<std::tuple<std::string, std::string, words>> jobs{
      {"shard-1", "ssp:3", {"--set", "codec.push=topk:0.2 | int8"}}, {"feeder-0", "bsp", {}}};
  for (const auto& [who, policy, more] : jobs) {
    tests::temporary_folder folder;
    running_program program(job(folder, policy, more));
    kill_one(status_with_cut(program, folder), who);
    const auto end = program.wait();
    INFO(program.output());
    REQUIRE(end.status == 0);
    const auto run = run_in(folder);
    check_whole(run, 2);
    const auto found = summary_of(run);
    CHECK(found["restarts"]["shard"] == (who == "shard-1" ? 1 : 0));
    CHECK(found["restarts"]["feeder"] == (who == "feeder-0" ? 1 : 0));
    CHECK(found["recovery_ms"]["p50"].is_number());
    const auto events = text_of(run / "events.log");
    CHECK_THAT(events, Contains(who + " was killed (signal 9); everything goes back to cut "));
    CHECK_THAT(events, Contains(" as term 2"));
    CHECK(nodes_of(program.pid()).empty());
  }
}

TEST_CASE("LE-1 RE-1: a run that was interrupted or whose supervisor was killed is resumed",
          "[apps][process][terms]") {
  for (const int signal : {SIGINT, SIGKILL}) {
    tests::temporary_folder folder;
    {
      running_program program(job(folder, "ssp:3", {"--set", "codec.push=topk:0.2 | int8"}));
      status_with_cut(program, folder);
      const auto nodes = nodes_of(program.pid());
      const auto run = run_in(folder);
      running_program second(resumed(run)); // while the first one lives
      CHECK(second.wait().status == 2);
      CHECK_THAT(second.output(), Contains("a supervisor that still runs"));
      program.signal(signal);
      program.wait();
      for (const auto pid : nodes) CHECK(tests::ends_within(pid, tests::milliseconds(10'000)));
    }
    const auto run = run_in(folder);
    running_program program(resumed(run, {"--set", "restart.intensity=7"}));
    const auto end = program.wait();
    INFO(program.output());
    REQUIRE(end.status == 0);
    check_whole(run, 2);
    CHECK_THAT(text_of(run / "events.log"), Contains("the run goes on from cut "));
    CHECK_THAT(text_of(run / "job.toml"), Contains("intensity       = 7"));
    CHECK_THAT(text_of(run / "term-1"), Contains("intensity       = 5"));
    running_program again(resumed(run)); // it has nothing left to do
    CHECK(again.wait().status == 2);
    CHECK_THAT(again.output(), Contains("all of its 10 epochs are trained"));
  }
}

TEST_CASE("LE-1 RE-1: without a cut a job goes back to its beginning", "[apps][process][terms]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "ssp:3", {"--set", "checkpoint.every=0s"}));
  kill_one(status_at(program, 50), "shard-0");
  const auto end = program.wait();
  INFO(program.output());
  REQUIRE(end.status == 0);
  check_whole(run_in(folder), 2);
  CHECK_THAT(text_of(run_in(folder) / "events.log"), Contains("goes back to the beginning"));
}

TEST_CASE("EN-1: a shard that dies more often than the rules allow ends the job",
          "[apps][process][terms]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "asp", {"--set", "restart.intensity=1"}));
  kill_one(status_at(program, 20), "shard-0");
  const auto back = program.status_where([](const json& seen) {
    const auto row = row_of(seen, "shard-0");
    return row["state"] == "running" && row["incarnation"] == 2;
  });
  REQUIRE(back.is_object());
  kill_one(back, "shard-0");
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 1);
  CHECK_THAT(program.output(), Contains("restart.intensity = 1"));
  CHECK(summary_of(run_in(folder))["outcome"] == "failed");
  CHECK(nodes_of(program.pid()).empty());
}

TEST_CASE("LE-1: in one process a run is resumed as well", "[apps][terms]") {
  tests::temporary_folder folder;
  {
    running_program program(job(folder, "bsp", {"--in-process"}));
    status_at(program, 50);
    program.signal(SIGTERM);
    CHECK(program.wait().status == 130);
  }
  const auto run = run_in(folder);
  running_program program(resumed(run, {"--in-process"}));
  const auto end = program.wait();
  INFO(program.output());
  REQUIRE(end.status == 0);
  check_whole(run, 2);
}
