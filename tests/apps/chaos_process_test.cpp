// Jobs with injected times, as a user runs them. What is compared are jobs with each other: how
// fast the machine is does not matter.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using nlohmann::json;
using tests::running_program;

namespace {

constexpr int leases = 126; // 2 epochs of 16000 samples, 256 at a time

struct finished_job {
  int status = -1;
  json summary, last_status;
  std::string output;
};

finished_job run(std::vector<std::string> words) {
  tests::temporary_folder folder;
  words.insert(words.begin(),
               {"run", "--json", "--output", folder.path().string(), "--set", "model.name=mlp",
                "--set", "data.format=synthetic", "--set", "data.path=blobs:16000:64:4", "--set",
                "data.batch=256", "--set", "data.epochs=2", "--shards", "1"});
  running_program program(words);
  finished_job made;
  while (const auto line = program.line()) {
    const auto read = json::parse(*line, nullptr, false);
    if (read.is_object() && read.value("type", "") == "status") made.last_status = read;
    if (read.is_object() && read.value("type", "") == "summary") made.summary = read;
  }
  made.status = program.wait().status;
  made.output = program.output();
  return made;
}

void check_whole(const finished_job& x) {
  INFO(x.output);
  REQUIRE(x.status == 0);
  REQUIRE(x.summary.is_object());
  CHECK(x.summary["leases"]["applied"] == leases);
  CHECK(x.summary["leases"]["lost"] == 0);
  CHECK(x.summary["leases"]["duplicated"] == 0);
}

} // namespace

TEST_CASE("under asp a slow worker takes far fewer leases, and every output says it was injected",
          "[apps][process]") {
  const auto x = run({"--policy", "asp", "--workers", "2", "--slow", "worker-1:20x"});
  check_whole(x);
  const auto steps = [&](const char* name) {
    return tests::row_of(x.last_status, name)["clock"].get<int>();
  };
  CHECK(3 * steps("worker-1") < steps("worker-0"));
  CHECK(x.summary["emulated"] == true);
  CHECK(x.last_status["emulated"] == true);
  CHECK(x.last_status["injected"] == "worker-1 20x");
  CHECK(x.output.find("times are injected: worker-1 20x") != std::string::npos);
}

TEST_CASE("under bsp all wait for one slow worker, and hardly when all are equally slow",
          "[apps][process]") {
  const auto one = run({"--policy", "bsp", "--workers", "2", "--slow", "worker-1:20x"});
  const auto all = run({"--policy", "bsp", "--workers", "2", "--slow", "worker-*:20x"});
  check_whole(one);
  check_whole(all);
  CHECK(one.summary["wait_share"].get<double>() > all.summary["wait_share"].get<double>() + 0.1);
}

TEST_CASE("a job over slow links loses nothing and takes their time, wherever its actors are",
          "[apps][process]") {
  for (const std::string where : {"--in-process", "--transport=shm", "--transport=tcp"}) {
    INFO(where);
    const auto x =
        run({"--policy", "bsp", "--workers", "1", "--link", "shard-0:10ms,1Gbit", where});
    check_whole(x);
    // A pull there and back is part of every step.
    CHECK(x.summary["train_seconds"] > 0.020 * (leases - 1));
    CHECK(x.summary["emulated"] == true);
  }
}

TEST_CASE("LE-1 SH-2: workers that are killed by chaos.failures come back, and nothing is lost",
          "[apps][process]") {
  const auto x = run({"--policy", "ssp:3", "--workers", "3", "--slow", "worker-*:20x", "--set",
                      "chaos.failures=every 300ms", "--set", "restart.intensity=1000", "--set",
                      "restart.backoff=10ms"});
  check_whole(x);
  CHECK(x.summary["restarts"]["worker"] >= 1);
  CHECK(x.output.find("was killed (signal 9)") != std::string::npos);
}

TEST_CASE("LE-1 SH-2: workers that are killed behind slow links come back, and nothing is lost",
          "[apps][process]") {
  for (const std::string where : {"--transport=shm", "--transport=tcp"}) {
    INFO(where);
    const auto x = run({"--policy", "ssp:3", "--workers", "3", "--link", "worker-*:20ms,100Mbit",
                        "--set", "chaos.failures=every 300ms", "--set", "restart.intensity=1000",
                        "--set", "restart.backoff=10ms", where});
    check_whole(x);
    CHECK(x.summary["restarts"]["worker"] >= 1);
  }
}

TEST_CASE("a job without injected times is not called emulated", "[apps][process]") {
  const auto x = run({"--policy", "asp", "--workers", "1", "--in-process"});
  check_whole(x);
  CHECK(x.summary["emulated"] == false);
  CHECK(x.last_status["emulated"] == false);
  CHECK(x.output.find("injected: ") == std::string::npos);
}
