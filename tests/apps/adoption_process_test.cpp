// A supervisor dies or is stopped, and another one goes on with its nodes as they are. No cut is
// made in these jobs unless it is said: without adoption all that was trained would be gone.
#include "apps/left_behind.hpp"
#include "apps/run_command.hpp"
#include "runtime/checkpoint.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>

using namespace lagrange;
using Catch::Contains;
using nlohmann::json;
using tests::nodes_of;
using tests::row_of;
using tests::running_program;
namespace fs = std::filesystem;

namespace {

using words = std::vector<std::string>;
constexpr int leases = 3000;
constexpr std::chrono::milliseconds gone_deadline{10'000};

/// Slow links let it last for some seconds.
words job(const tests::temporary_folder& folder, const words& more = {}) {
  words made{"run",       "--json",
             "--output",  folder.path().string(),
             "--set",     "name=adopted",
             "--set",     "model.name=count",
             "--set",     "data.format=synthetic",
             "--set",     "data.path=blobs:8000:4:2",
             "--set",     "data.batch=8",
             "--set",     "data.epochs=3",
             "--set",     "optimizer.name=sgd",
             "--set",     "optimizer.rate=1",
             "--set",     "evaluation.every=1000 epochs",
             "--set",     "evaluation.target=none",
             "--set",     "checkpoint.every=0s",
             "--set",     "restart.silence=1s",
             "--link",    "shard-*:1ms",
             "--workers", "2"};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

fs::path run_in(const tests::temporary_folder& folder) {
  return fs::directory_iterator(folder.path())->path();
}

bool is_under_way(const json& status) {
  return row_of(status, "worker-0")["state"] == "running" &&
         row_of(status, "worker-1")["state"] == "running" && status["leases_closed"] > 100;
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

/// Who is who, by process.
std::map<std::string, pid_t> processes_of(const json& status) {
  std::map<std::string, pid_t> made;
  for (const auto& row : status["actors"]) made[row["name"]] = row["pid"];
  return made;
}

words resumed(const fs::path& run, const words& more = {}) {
  words made{"run", "--json", "--resume", run.string()};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

void check_whole(const fs::path& run, std::size_t terms) {
  const auto found = json::parse(text_of(run / "summary.json"), nullptr, false);
  REQUIRE(found.is_object());
  CHECK(found["outcome"] == "done");
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

void check_count(const fs::path& run) {
  const auto found = runtime::read_checkpoint(run / "parameters.ckpt");
  REQUIRE(found.has_value());
  const auto values = found.value().values.values<float>();
  CHECK(std::ranges::all_of(values, [](float each) { return each == -leases; }));
}

/// Kills the supervisor of a job that is under way. Its processes by name.
std::map<std::string, pid_t> behead(running_program& program) {
  const auto status = program.status_where(is_under_way);
  REQUIRE(status.is_object());
  program.signal(SIGKILL);
  CHECK(tests::ends_within(program.pid(), gone_deadline)); // its output stays open with its nodes
  return processes_of(status);
}

} // namespace

TEST_CASE("SH-2 LE-1 RE-1: a run whose supervisor was killed is resumed with its nodes as they are",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder));
  const auto before = behead(first);
  const auto run = run_in(folder);
  running_program second(resumed(run));
  const auto status = second.status_where(is_under_way);
  REQUIRE(status.is_object());
  CHECK(processes_of(status) == before);
  running_program third(resumed(run)); // while that one lives
  CHECK(third.wait().status == 2);
  CHECK_THAT(third.output(), Contains("belongs to a supervisor that still runs"));
  const auto end = second.wait();
  INFO(second.output());
  REQUIRE(end.status == 0);
  CHECK_THAT(text_of(run / "events.log"), Contains("5 of 5 nodes were adopted after "));
  check_whole(run, 1);
  check_count(run);
  const std::vector<pid_t> supervisors{first.pid(), second.pid()};
  CHECK(apps::left_behind(run, supervisors, gone_deadline).empty());
}

TEST_CASE("EN-1: nodes that nobody follows end after the adoption window and leave nothing",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program program(job(folder, {"--set", "restart.adoption_window=1s"}));
  const auto before = behead(program);
  for (const auto& [name, pid] : before) CHECK(tests::ends_within(pid, gone_deadline));
  const auto run = run_in(folder);
  const auto pid = program.pid();
  CHECK(apps::left_behind(run, {&pid, 1}, gone_deadline) == std::vector<std::string>{});
  CHECK_THAT(text_of(run / "events.log"),
             Contains("no supervisor has followed within restart.adoption_window = 1 s"));
}

TEST_CASE("EN-1: nodes without an adoption window die with their supervisor",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program program(job(folder, {"--set", "restart.adoption_window=0s"}));
  const auto before = behead(program);
  for (const auto& [name, pid] : before) CHECK(tests::ends_within(pid, gone_deadline));
}

TEST_CASE("a standby takes the job over when its supervisor dies", "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder));
  REQUIRE(first.status_where(is_under_way).is_object());
  const auto run = run_in(folder);
  running_program idle({"standby", run.string()});
  running_program standby({"standby", run.string(), "--json"});
  while (const auto line = idle.line())
    if (line->starts_with("standing by ")) break;
  idle.signal(SIGINT);
  CHECK(idle.wait(gone_deadline).status == 130);
  const auto before = behead(first);
  const auto status = standby.status_where(is_under_way);
  REQUIRE(status.is_object());
  CHECK(processes_of(status) == before);
  const auto end = standby.wait();
  INFO(standby.output());
  REQUIRE(end.status == 0);
  check_whole(run, 1);
  check_count(run);
}

TEST_CASE("a standby ends with a job that ends without it", "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder));
  REQUIRE(first.status_where(is_under_way).is_object());
  running_program standby({"standby", run_in(folder).string()});
  CHECK(first.wait().status == 0);
  CHECK(standby.wait(gone_deadline).status == 0);
  CHECK_THAT(standby.output(), Contains("has ended without its standby"));
  running_program late({"standby", run_in(folder).string()});
  CHECK(late.wait().status == 2);
}

TEST_CASE("a supervisor that was stopped and replaced commands no more when it wakes",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder, {"--set", "data.epochs=9"}));
  const auto before = first.status_where(is_under_way);
  REQUIRE(before.is_object());
  const auto run = run_in(folder);
  running_program standby({"standby", run.string(), "--json"});
  REQUIRE(::kill(first.pid(), SIGSTOP) == 0);
  const auto status = standby.status_where(is_under_way);
  REQUIRE(status.is_object());
  CHECK(processes_of(status) == processes_of(before));
  REQUIRE(::kill(first.pid(), SIGCONT) == 0);
  CHECK(tests::ends_within(first.pid(), gone_deadline));
  const auto later = standby.status_where([](const json&) { return true; });
  CHECK(processes_of(later) == processes_of(before)); // it has taken nobody along
  standby.signal(SIGINT);
  CHECK(standby.wait().status == 130);
  CHECK(first.wait(gone_deadline).status == 1);
  CHECK_THAT(first.output(), Contains("was replaced by supervisor 2"));
  const std::vector<pid_t> supervisors{first.pid(), standby.pid()};
  CHECK(apps::left_behind(run, supervisors, gone_deadline).empty());
}

TEST_CASE("CO-1: a worker that is killed after its adoption goes on with what it had not sent",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder, {"--set", "model.name=mlp", "--set", "optimizer.rate=0.01",
                                     "--set", "codec.push=topk:0.2 | int8"}));
  behead(first);
  const auto run = run_in(folder);
  running_program second(resumed(run));
  const auto status = second.status_where(is_under_way);
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGKILL) == 0);
  const auto end = second.wait();
  INFO(second.output());
  REQUIRE(end.status == 0);
  CHECK_THAT(text_of(run / "events.log"), Contains("as incarnation 2; 0 lost"));
  check_whole(run, 1); // the replay knows what was carried over
}

TEST_CASE("CO-1: a worker that dies with its supervisor takes all back to a cut",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(
      job(folder, {"--set", "model.name=mlp", "--set", "optimizer.rate=0.01", "--set",
                   "codec.push=topk:0.2 | int8", "--set", "checkpoint.every=200ms"}));
  const auto before = behead(first);
  REQUIRE(::kill(before.at("worker-1"), SIGKILL) == 0);
  const auto run = run_in(folder);
  running_program second(resumed(run));
  const auto end = second.wait();
  INFO(second.output());
  REQUIRE(end.status == 0);
  CHECK_THAT(text_of(run / "events.log"), Contains("everything goes back to "));
  check_whole(run, 2);
}

TEST_CASE("nodes are not adopted by a supervisor with another config",
          "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder));
  const auto before = behead(first);
  const auto run = run_in(folder);
  running_program second(resumed(run, {"--set", "restart.intensity=7"}));
  const auto end = second.wait();
  INFO(second.output());
  REQUIRE(end.status == 0);
  CHECK_THAT(second.output(), Contains("not adopted: the config is another one now"));
  for (const auto& [name, pid] : before) CHECK(tests::ends_within(pid, tests::milliseconds(0)));
  check_whole(run, 2);
}

TEST_CASE("nodes are not adopted once their policy was switched", "[apps][process][adoption]") {
  tests::temporary_folder folder;
  running_program first(job(folder));
  REQUIRE(first.status_where(is_under_way).is_object());
  const auto run = run_in(folder);
  running_program order({"ctl", run.string(), "policy", "ssp:5"});
  CHECK(order.wait().status == 0);
  behead(first);
  running_program second(resumed(run));
  const auto end = second.wait();
  INFO(second.output());
  REQUIRE(end.status == 0);
  CHECK_THAT(second.output(), Contains("not adopted: its policy was switched"));
  check_whole(run, 2);
}
