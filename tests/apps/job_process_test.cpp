// Whole jobs as a user runs them: the program itself, its node processes, real signals.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <set>

using namespace lagrange;
using nlohmann::json;
using tests::nodes_of;
using tests::row_of;
using tests::running_program;

namespace {

/// So long a job may take to be gone after its end was asked for, or its supervisor killed.
constexpr std::chrono::milliseconds gone_deadline{10'000};

std::vector<std::string> job(const tests::temporary_folder& folder, const std::string& policy,
                             const std::string& epochs = "2") {
  return {"run",       "--json",
          "--output",  folder.path().string(),
          "--policy",  policy,
          "--set",     "name=tested",
          "--set",     "model.name=softmax",
          "--set",     "data.format=synthetic",
          "--set",     "data.path=blobs:12000:16:4",
          "--set",     "data.batch=8",
          "--set",     "data.epochs=" + epochs,
          "--workers", "3",
          "--summary", (folder.path() / "summary.json").string()};
}

json summary_in(const tests::temporary_folder& folder) {
  std::ifstream file(folder.path() / "summary.json");
  return json::parse(file, nullptr, false);
}

bool all_run(const json& status) {
  for (const auto& row : status["actors"])
    if (row["state"] != "running") return false;
  return true;
}

bool has_steps(const json& status, const std::string& name, int steps) {
  const auto row = row_of(status, name);
  return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= steps;
}

std::ptrdiff_t descriptors_of(pid_t process) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(process) + "/fd");
  return std::distance(begin(all), end(all));
}

void check_audit(const json& summary, std::uint64_t leases) {
  REQUIRE(summary.is_object());
  CHECK(summary["outcome"] == "done");
  CHECK(summary["leases"]["issued"] == leases);
  CHECK(summary["leases"]["applied"] == leases);
  CHECK(summary["leases"]["lost"] == 0);
  CHECK(summary["leases"]["duplicated"] == 0);
}

} // namespace

TEST_CASE("EN-1: a job of processes ends done, with every lease applied and no process left",
          "[apps][process]") {
  for (const std::string policy : {"bsp", "ssp:3", "asp"}) {
    tests::temporary_folder folder;
    running_program program(job(folder, policy));
    const auto status = program.status_where(all_run);
    REQUIRE(status.is_object());
    std::set<std::int64_t> pids{program.pid()};
    for (const auto& row : status["actors"]) pids.insert(row["pid"].get<std::int64_t>());
    CHECK(pids.size() == 7); // feeder, two shards, three workers and the supervisor
    const auto end = program.wait();
    INFO(program.output());
    CHECK(end == apps::process_end{program.pid(), 0, 0});
    check_audit(summary_in(folder), 3000);
    CHECK(summary_in(folder)["test_accuracy"] > 0.9);
    CHECK(nodes_of(program.pid()).empty());
  }
}

TEST_CASE("LE-1 SH-2: a worker killed in the middle of a run loses nothing", "[apps][process]") {
  for (const std::string policy : {"bsp", "ssp:3"}) {
    tests::temporary_folder folder;
    running_program program(job(folder, policy, "8")); // long enough to come back in
    for (const std::string name : {"worker-1", "worker-2"}) {
      const auto status =
          program.status_where([&](const json& seen) { return has_steps(seen, name, 5); });
      REQUIRE(status.is_object());
      REQUIRE(::kill(row_of(status, name)["pid"].get<pid_t>(), SIGKILL) == 0);
    }
    const auto end = program.wait();
    INFO(program.output());
    CHECK(end.status == 0);
    check_audit(summary_in(folder), 12000);
    CHECK(summary_in(folder)["restarts"]["worker"] == 2);
    CHECK(program.output().find("worker-1 was killed (signal 9)") != std::string::npos);
    CHECK(program.output().find("as incarnation 2") != std::string::npos);
  }
}

TEST_CASE("LE-1 CO-1: by TCP and with a lossy codec, a killed worker loses nothing",
          "[apps][process]") {
  tests::temporary_folder folder;
  auto arguments = job(folder, "ssp:3", "8");
  arguments.insert(arguments.end(), {"--transport", "tcp", "--set", "codec.push=topk:0.2 | int8",
                                     "--set", "codec.pull=bf16"});
  running_program program(arguments);
  const auto status =
      program.status_where([](const json& seen) { return has_steps(seen, "worker-1", 5); });
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGKILL) == 0);
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
  const auto found = summary_in(folder);
  check_audit(found, 12000);
  CHECK(found["restarts"]["worker"] == 1);
  CHECK(found["test_accuracy"] > 0.9);
  CHECK(found["bytes"]["push_codec"] == "topk:0.2 | int8");
  std::uint64_t pushed = 0;
  for (const auto& tensor : found["bytes"]["tensors"])
    pushed += tensor["pushed"].get<std::uint64_t>();
  CHECK(pushed > 0);
  CHECK(pushed < found["bytes"]["pushed"]);
}

TEST_CASE("CL-2: a worker that is stopped holds the others back no longer than its detection",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "ssp:3", "8"));
  const auto status =
      program.status_where([](const json& seen) { return has_steps(seen, "worker-1", 5); });
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGSTOP) == 0);
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
  check_audit(summary_in(folder), 12000);
  CHECK(program.output().find("silent for") != std::string::npos);
  CHECK(summary_in(folder)["restarts"]["worker"] == 1);
}

TEST_CASE("EN-1: a supervisor that was stopped for a while finds its shards again",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "ssp:3", "8"));
  const auto status =
      program.status_where([](const json& seen) { return has_steps(seen, "worker-0", 5); });
  REQUIRE(status.is_object());
  const auto shard = row_of(status, "shard-0")["pid"].get<pid_t>();
  const auto before = descriptors_of(shard);
  REQUIRE(::kill(program.pid(), SIGSTOP) == 0);
  const auto deadline = std::chrono::steady_clock::now() + gone_deadline;
  while (descriptors_of(shard) >= before && std::chrono::steady_clock::now() < deadline)
    ::poll(nullptr, 0, 20); // until the shard has given the supervisor up
  CHECK(descriptors_of(shard) < before);
  REQUIRE(::kill(program.pid(), SIGCONT) == 0);
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
  check_audit(summary_in(folder), 12000);
}

TEST_CASE("EN-1: the death of a shard that is not to be survived ends the job with its cause named",
          "[apps][process]") {
  tests::temporary_folder folder;
  auto arguments = job(folder, "ssp:3", "50");
  arguments.insert(arguments.end(), {"--set", "restart.intensity=0"});
  running_program program(arguments);
  const auto status =
      program.status_where([](const json& seen) { return has_steps(seen, "worker-0", 5); });
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "shard-1")["pid"].get<pid_t>(), SIGKILL) == 0);
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 1);
  CHECK(program.output().find("shard-1 was killed (signal 9)") != std::string::npos);
  CHECK(summary_in(folder)["outcome"] == "failed");
  CHECK(nodes_of(program.pid()).empty());
}

TEST_CASE("EN-1: SIGINT and SIGTERM end a job in order with status 130", "[apps][process]") {
  for (const int signal : {SIGINT, SIGTERM}) {
    tests::temporary_folder folder;
    running_program program(job(folder, "asp", "50"));
    REQUIRE(program.status_where(all_run).is_object());
    program.signal(signal);
    const auto end = program.wait(gone_deadline);
    INFO(program.output());
    CHECK(end.status == 130);
    CHECK(end.signal == 0);
    CHECK(summary_in(folder)["outcome"] == "interrupted");
    CHECK(nodes_of(program.pid()).empty());
  }
}

TEST_CASE("EN-1: no process outlives a supervisor that is killed", "[apps][process]") {
  tests::temporary_folder folder;
  running_program program(job(folder, "ssp:3", "50"));
  REQUIRE(program.status_where(all_run).is_object());
  const auto nodes = nodes_of(program.pid());
  CHECK(nodes.size() == 6);
  program.signal(SIGKILL);
  for (const auto pid : nodes) CHECK(tests::ends_within(pid, gone_deadline));
  CHECK(nodes_of(program.pid()).empty());
}

TEST_CASE("a worker that dies again and again ends the job with its cause named",
          "[apps][process]") {
  tests::temporary_folder folder;
  auto arguments = job(folder, "ssp:3", "50");
  arguments.insert(arguments.end(), {"--set", "restart.intensity=1"});
  running_program program(arguments);
  pid_t last = 0;
  for (int death = 0; death < 2; ++death) {
    const auto status = program.status_where([&](const json& seen) {
      return has_steps(seen, "worker-0", 1) && row_of(seen, "worker-0")["pid"] != last;
    });
    REQUIRE(status.is_object());
    last = row_of(status, "worker-0")["pid"].get<pid_t>();
    REQUIRE(::kill(last, SIGKILL) == 0);
  }
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 1);
  CHECK(program.output().find("restart.intensity = 1") != std::string::npos);
  CHECK(nodes_of(program.pid()).empty());
}

TEST_CASE("a job in one process ends done under every policy", "[apps]") {
  for (const std::string policy : {"bsp", "ssp:3", "asp"}) {
    tests::temporary_folder folder;
    auto arguments = job(folder, policy);
    arguments.push_back("--in-process");
    running_program program(arguments);
    const auto end = program.wait();
    INFO(program.output());
    CHECK(end.status == 0);
    check_audit(summary_in(folder), 3000);
  }
}

TEST_CASE("RE-1: one worker alone ends with the same bits twice, whatever the bound", "[apps]") {
  std::set<std::string> ends;
  for (int run = 0; run < 2; ++run) {
    tests::temporary_folder folder;
    auto arguments = job(folder, "ssp:3", "1");
    *(std::ranges::find(arguments, "--workers") + 1) = "1";
    arguments.push_back("--in-process");
    running_program program(arguments);
    REQUIRE(program.wait().status == 0);
    ends.insert(summary_in(folder)["parameters_sha256"]);
  }
  CHECK(ends.size() == 1);
}
