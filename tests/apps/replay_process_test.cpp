// Runs of real processes, recomputed and audited from what they left in their folders.
#include "runtime/journal_file.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>

using namespace lagrange;
using Catch::Contains;
using nlohmann::json;
using tests::row_of;
using tests::running_program;
namespace fs = std::filesystem;

namespace {

using words = std::vector<std::string>;

words job(const tests::temporary_folder& folder, const std::string& policy,
          const words& more = {}) {
  words made{"run",       "--json",
             "--output",  folder.path().string(),
             "--policy",  policy,
             "--set",     "name=recorded",
             "--set",     "model.name=mlp",
             "--set",     "data.format=synthetic",
             "--set",     "data.path=blobs:4000:16:4",
             "--set",     "data.batch=8",
             "--set",     "data.epochs=1",
             "--workers", "3"};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

/// The only run in the folder.
fs::path run_in(const tests::temporary_folder& folder) {
  return fs::directory_iterator(folder.path())->path();
}

struct told {
  int status = -1;
  json what; ///< null where it told no object
  std::string output;
};
told tell(words arguments) {
  arguments.push_back("--json");
  running_program program(arguments);
  const auto status = program.wait().status;
  return {status, json::parse(program.output(), nullptr, false), program.output()};
}

json summary_of(const fs::path& run) {
  std::ifstream file(run / "summary.json");
  return json::parse(file, nullptr, false);
}

void check_replays(const fs::path& run) {
  const auto found = tell({"replay", run.string()});
  INFO(found.output);
  REQUIRE(found.what.is_object());
  CHECK(found.status == 0);
  CHECK(found.what["bit_exact"] == true);
  CHECK(found.what["sha256"] == summary_of(run)["parameters_sha256"]);
  CHECK(found.what["remarks"].empty());
}

void check_audit_holds(const fs::path& run, int leases) {
  const auto found = tell({"audit", run.string()});
  INFO(found.output);
  CHECK(found.status == 0);
  CHECK(found.what["holds"] == true);
  CHECK(found.what["applied"] == leases);
}

} // namespace

TEST_CASE("RE-1 LE-1: a recorded run replays to the same bits and passes its audit",
          "[apps][process][replay]") {
  const std::vector<std::pair<std::string, words>> jobs{
      {"bsp", {}},
      {"asp", {"--in-process", "--set", "precision.compute=bf16"}},
      {"ssp:3", {"--set", "optimizer.clip_norm=0.5"}},
      {"bsp", {"--in-process", "--set", "codec.push=topk:0.1 | int8"}}};
  for (const auto& [policy, more] : jobs) {
    tests::temporary_folder folder;
    running_program program(job(folder, policy, more));
    REQUIRE(program.wait().status == 0);
    check_replays(run_in(folder));
    check_audit_holds(run_in(folder), 500);
  }
}

TEST_CASE("RE-1 CO-1: with a lossy codec and a killed worker a run replays to the same bits",
          "[apps][process][replay]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "ssp:3",
                              {"--transport", "tcp", "--set", "data.epochs=5", "--set",
                               "codec.push=topk:0.2 | int8", "--set", "codec.pull=bf16"}));
  const auto status = program.status_where([](const json& seen) {
    const auto row = row_of(seen, "worker-1");
    return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= 5;
  });
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGKILL) == 0);
  REQUIRE(program.wait().status == 0);
  CHECK(summary_of(run_in(folder))["restarts"]["worker"] == 1);
  check_replays(run_in(folder));
  check_audit_holds(run_in(folder), 2500);
}

TEST_CASE("RE-1: a run of a model with tables replays to the same bits, tables and all",
          "[apps][process][replay]") {
  tests::temporary_folder folder;
  const words pairs{
      "--set", "model.name=skipgram", "--set",    "data.path=zipf-pairs:4000:60:50:1.05",
      "--set", "optimizer.name=adam", "--shards", "2"};
  REQUIRE(running_program(job(folder, "ssp:3", pairs)).wait().status == 0);
  const auto run = run_in(folder);
  check_replays(run);
  check_audit_holds(run, 500);
  const auto early = tell({"replay", run.string(), "--until", "update=100"});
  CHECK(early.what["bit_exact"] == true);
  CHECK(early.what["test_accuracy"].is_number());
}

TEST_CASE("a replay stops at an update, and leaves a worker out", "[apps][process][replay]") {
  tests::temporary_folder folder;
  REQUIRE(running_program(job(folder, "ssp:3", {"--in-process"})).wait().status == 0);
  const auto run = run_in(folder);
  const auto early = tell({"replay", run.string(), "--until", "update=200"});
  REQUIRE(early.what.is_object());
  CHECK(early.status == 0);
  CHECK(early.what["bit_exact"] == true);
  CHECK(early.what["test_accuracy"].is_number());
  CHECK(early.what["sha256"] != summary_of(run)["parameters_sha256"]);
  const auto last = tell({"replay", run.string(), "--until", "update=500"});
  CHECK(last.what["sha256"] == summary_of(run)["parameters_sha256"]);
  CHECK(last.what["test_accuracy"] == summary_of(run)["test_accuracy"]);
  const auto without = tell({"replay", run.string(), "--without", "worker=2"});
  REQUIRE(without.what.is_object());
  CHECK(without.status == 0);
  CHECK(without.what["bit_exact"].is_null());
  CHECK(without.what["test_accuracy"].is_number());
  CHECK(without.what["sha256"] != summary_of(run)["parameters_sha256"]);
  const auto beyond = tell({"replay", run.string(), "--until", "update=501"});
  CHECK(beyond.status == 2);
  CHECK_THAT(beyond.output, Contains("the run has 500 updates"));
  CHECK_THAT(tell({"replay", run.string(), "--without", "worker=3"}).output,
             Contains("workers 0 to 2"));
}

TEST_CASE("a run whose folder was tampered with is refused, or contradicted",
          "[apps][process][replay]") {
  tests::temporary_folder folder;
  REQUIRE(running_program(job(folder, "ssp:3", {"--in-process"})).wait().status == 0);
  const auto run = run_in(folder);
  const auto path = runtime::journal_path(run, {1});
  auto kept = runtime::read_journal(path).value();
  const auto rewrite = [&](const std::vector<runtime::journal_entry>& entries) {
    fs::remove(path);
    auto writer = runtime::journal_writer::create(path, kept.head);
    REQUIRE(writer);
    REQUIRE(writer.value().append(entries));
  };
  auto forged = kept.entries;
  const auto entry = std::ranges::find_if(forged, [](const auto& each) {
    return each.kind == runtime::journal_kind::applied && each.version.value == 123;
  });
  entry->checksum ^= 1;
  rewrite(forged);
  const auto found = tell({"replay", run.string()});
  CHECK(found.status == 1);
  CHECK(found.what["bit_exact"] == false);
  CHECK_THAT(found.what["difference"].get<std::string>(),
             Contains("update 123 of shard-1 (lease " + to_string(entry->what)));
  rewrite(kept.entries);
  std::ofstream(path, std::ios::app) << "torn";
  const auto torn = tell({"replay", run.string()});
  CHECK(torn.what["bit_exact"] == true);
  CHECK_THAT(torn.output, Contains("its last 4 bytes are left out"));
  std::ofstream(run / "job.toml", std::ios::app) << "# changed\n";
  for (const std::string verb : {"replay", "audit"}) {
    const auto refused = tell({verb, run.string()});
    CHECK(refused.status == 2);
    CHECK_THAT(refused.output, Contains("another job.toml"));
    CHECK(tell({verb, "/nowhere"}).status == 2);
    CHECK_THAT(tell({verb, folder.path().string()}).output, Contains("has no job.toml"));
  }
}

TEST_CASE("LE-1: the audit of a run that was interrupted names the first open lease",
          "[apps][process][replay]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "asp", {"--set", "data.epochs=100"}));
  REQUIRE(program
              .status_where([](const json& seen) {
                const auto row = row_of(seen, "worker-1");
                return row["clock"].is_number() && row["clock"] >= 20;
              })
              .is_object());
  program.signal(SIGINT);
  REQUIRE(program.wait().status == 130);
  const auto audit = tell({"audit", run_in(folder).string()});
  CHECK(audit.status == 1);
  CHECK_THAT(audit.what["breach"].get<std::string>(), Contains("neither applied nor dropped"));
  const auto replay = tell({"replay", run_in(folder).string()});
  INFO(replay.output);
  CHECK(replay.status == 0);
  CHECK_THAT(replay.output, Contains("did not end"));
}
