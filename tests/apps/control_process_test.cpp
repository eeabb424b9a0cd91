// Orders to jobs that run, as a user gives them.
#include "apps/control_socket.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sys/stat.h>

#include <csignal>

using namespace lagrange;
using nlohmann::json;
using tests::running_program;

namespace {

/// A job that is far from its end whenever it is asked for something.
std::vector<std::string> long_job(const tests::temporary_folder& folder) {
  return {"run",       "--json",
          "--output",  folder.path().string(),
          "--policy",  "ssp:3",
          "--set",     "model.name=softmax",
          "--set",     "data.format=synthetic",
          "--set",     "data.path=blobs:16000:64:4",
          "--set",     "data.batch=32",
          "--set",     "data.epochs=100000",
          "--shards",  "2",
          "--workers", "2"};
}

std::filesystem::path run_in(const tests::temporary_folder& folder) {
  return std::filesystem::directory_iterator(folder.path())->path();
}

/// Waits for a line of the job that says so.
void wait_for(running_program& job, const std::string& text) {
  while (const auto line = job.line())
    if (line->find(text) != std::string::npos) return;
  FAIL("the job ended without: " << text << "\n" << job.output());
}

void interrupt(running_program& job) {
  job.signal(SIGINT);
  while (job.line()) {
  }
  CHECK(job.wait().status == 130);
}

struct answer {
  int status;
  std::string text;
};
answer program(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  running_program program(words);
  while (program.line()) {
  }
  return {program.wait().status, program.output()};
}
answer order(const std::filesystem::path& run, const std::vector<std::string>& words) {
  return program({"ctl", run.string()}, words);
}

} // namespace

TEST_CASE("ctl: a running job goes on under another policy, which its journals tell",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program job(long_job(folder));
  wait_for(job, R"("state":"running")");
  const auto run = run_in(folder);
  struct stat found {};
  REQUIRE(::stat((run / "control").c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  for (const auto* policy : {"bsp", "quorum:2:1ms", "asp"}) {
    const auto told = order(run, {"policy", policy});
    INFO(told.text);
    CHECK(told.status == 0);
    CHECK(told.text.find(std::string("the policy is ") + policy) != std::string::npos);
  }
  wait_for(job, R"("policy":"asp")");
  interrupt(job);
  CHECK(!std::filesystem::exists(run / "control"));
  std::ifstream in(run / "summary.json");
  const auto figures = json::parse(in);
  REQUIRE(figures["switches"].size() == 3);
  CHECK(figures["switches"][1]["to"] == "quorum:2:1ms");
  CHECK(figures["policy"] == "ssp:3");
  const auto late = order(run, {"policy", "asp"});
  CHECK(late.status == 2);
  CHECK(late.text.find("takes no orders: it is over") != std::string::npos);
}

TEST_CASE("ctl and ps: a running job says how far it is and who runs where", "[apps][process]") {
  tests::temporary_folder folder;
  running_program job(long_job(folder));
  wait_for(job, R"("state":"running")");
  const auto run = run_in(folder);
  const auto told = order(run, {"status"});
  INFO(told.text);
  CHECK(told.status == 0);
  const auto status = json::parse(told.text);
  CHECK(status["supervisor_pid"] == job.pid());
  CHECK(status["term"] == 1);
  CHECK(status["policy"] == "ssp:3");
  CHECK(status["leases"] == 50'000'000);
  REQUIRE(status["actors"].size() == 5);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{run.string()}, {"--output", folder.path().string()}}) {
    const auto table = program({"ps"}, words);
    INFO(table.text);
    CHECK(table.status == 0);
    CHECK(table.text.find(run.string() + "  ssp:3  term 1") != std::string::npos);
    CHECK(table.text.find("supervisor-0     1") != std::string::npos);
    for (const auto& row : status["actors"]) {
      CHECK(table.text.find(row["name"].get<std::string>()) != std::string::npos);
      CHECK(table.text.find(std::to_string(row["pid"].get<int>())) != std::string::npos);
    }
  }
  CHECK(json::parse(program({"ps"}, {run.string(), "--json"}).text)["job"] == status["job"]);
  interrupt(job);
  CHECK(program({"ps"}, {run.string()}).status == 2);
  const auto none = program({"ps"}, {"--output", folder.path().string()});
  CHECK(none.status == 0);
  CHECK(none.text.find("no job runs in") != std::string::npos);
}

TEST_CASE("ps: a supervisor that is stopped keeps nobody waiting for long", "[apps][process]") {
  tests::temporary_folder folder;
  running_program job(long_job(folder));
  wait_for(job, R"("state":"running")");
  job.signal(SIGSTOP);
  const auto run = run_in(folder);
  // Those who wait are more than the socket holds.
  for (int i = 0; i < 20; ++i)
    CHECK_FALSE(apps::give_order(run, "status", std::chrono::milliseconds(5)).has_value());
  const auto table = program({"ps"}, {run.string()});
  CHECK(table.status == 1);
  CHECK(table.text.find("too busy") != std::string::npos);
  job.signal(SIGCONT);
  interrupt(job);
}

TEST_CASE("ctl: orders that no job can carry out are refused, and the job goes on",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program job(long_job(folder));
  wait_for(job, R"("state":"running")");
  const auto run = run_in(folder);
  CHECK(order(run, {"policy", "sps:3"}).text.find("did you mean \"ssp\"?") != std::string::npos);
  CHECK(order(run, {"policy"}).status == 2);
  CHECK(order(run, {"polcy", "asp"}).text.find("did you mean \"policy\"?") != std::string::npos);
  CHECK(order(folder.path(), {"policy", "asp"}).status == 2); // no run
  // What does not come from the verb.
  CHECK(apps::give_order(run, "policy sps:3").value().starts_with("refused "));
  CHECK(apps::give_order(run, "stop the world").value().starts_with("refused "));
  CHECK(apps::give_order(run, "").value().starts_with("refused "));
  CHECK(!apps::give_order(run, std::string(100'000, 'x')).has_value());
  CHECK(order(run, {"policy", "asp"}).status == 0);
  interrupt(job);
}
