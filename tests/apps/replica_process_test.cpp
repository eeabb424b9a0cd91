// Shards with replicas, as processes that are killed: nobody loses anything, and no term ends.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace lagrange;
using Catch::Contains;
using nlohmann::json;
using tests::row_of;
using tests::running_program;
namespace fs = std::filesystem;

namespace {

using words = std::vector<std::string>;

words job(const tests::temporary_folder& folder, const std::string& policy) {
  return {"run",       "--json",
          "--output",  folder.path().string(),
          "--policy",  policy,
          "--set",     "name=replicated",
          "--set",     "model.name=mlp",
          "--set",     "data.format=synthetic",
          "--set",     "data.path=blobs:4000:16:4",
          "--set",     "data.batch=8",
          "--set",     "data.epochs=8",
          "--set",     "codec.push=int8",
          "--set",     "topology.replicas=1",
          "--workers", "3"};
}

json told(words arguments) {
  arguments.push_back("--json");
  running_program program(arguments);
  program.wait();
  return json::parse(program.output(), nullptr, false);
}

json status_at(running_program& program, const std::string& name, int steps) {
  auto status = program.status_where([&](const json& seen) {
    const auto row = row_of(seen, name);
    return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= steps;
  });
  REQUIRE(status.is_object());
  return status;
}

/// Reads what the job says until a line has this text.
bool hears(running_program& program, const std::string& text) {
  while (const auto line = program.line())
    if (line->find(text) != std::string::npos) return true;
  return false;
}

void kill_one(const json& status, const std::string& name) {
  REQUIRE(::kill(row_of(status, name)["pid"].get<pid_t>(), SIGKILL) == 0);
}

} // namespace

TEST_CASE(
    "DU-1 RE-1: kill -9 of shards with replicas ends no term, and the run replays bit for bit",
    "[apps][replica][slow]") {
  const auto policy = GENERATE("ssp:2", "bsp");
  const tests::temporary_folder folder;
  running_program program(job(folder, policy));
  kill_one(status_at(program, "worker-1", 20), "shard-0");
  kill_one(status_at(program, "worker-1", 150), "shard-1");
  INFO(policy);
  CHECK(program.wait().status == 0);
  INFO(program.output());
  const fs::path run = fs::directory_iterator(folder.path())->path();
  std::ifstream file(run / "summary.json");
  const auto found = json::parse(file, nullptr, false);
  REQUIRE(found.is_object());
  CHECK(found["outcome"] == "done");
  CHECK(found["restarts"]["shard"] == 2);
  CHECK(found["restarts"]["worker"] == 0);
  CHECK(found["leases"]["applied"] == 4000);
  CHECK(found["leases"]["lost"] == 0);
  CHECK(found["leases"]["duplicated"] == 0);
  CHECK(fs::exists(run / "journal" / "shard-0.life-2.lgj"));
  CHECK_FALSE(fs::exists(run / "journal" / "term-2"));
  const auto audit = told({"audit", run.string()});
  INFO(audit.dump());
  CHECK(audit["holds"] == true);
  const auto replay = told({"replay", run.string()});
  INFO(replay.dump());
  CHECK(replay["bit_exact"] == true);
  CHECK(replay["sha256"] == found["parameters_sha256"]);
}

TEST_CASE("DU-1 RE-1: a new replica is filled while training goes on, and its shard can die again",
          "[apps][replica][slow]") {
  const tests::temporary_folder folder;
  auto arguments = job(folder, "ssp:2");
  arguments.insert(arguments.end(), {"--set", "data.epochs=40", "--set", "topology.shards=1"});
  running_program program(arguments);
  for (const int death : {1, 2, 3}) {
    kill_one(status_at(program, "worker-1", 20 * death), "shard-0");
    INFO(death);
    REQUIRE(hears(program, "has all that shard-0 has, which can die again"));
  }
  CHECK(program.wait().status == 0);
  INFO(program.output());
  const fs::path run = fs::directory_iterator(folder.path())->path();
  std::ifstream file(run / "summary.json");
  const auto found = json::parse(file, nullptr, false);
  REQUIRE(found.is_object());
  CHECK(found["outcome"] == "done");
  CHECK(found["restarts"]["shard"] == 3);
  CHECK(found["leases"]["lost"] == 0);
  CHECK_FALSE(fs::exists(run / "journal" / "term-2"));
  CHECK(told({"audit", run.string()})["holds"] == true);
  const auto replay = told({"replay", run.string()});
  INFO(replay.dump());
  CHECK(replay["bit_exact"] == true);
  CHECK(replay["sha256"] == found["parameters_sha256"]);
}
