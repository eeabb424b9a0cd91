// The verb `simulate` of the real program, and what it leaves in a run's folder.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace lagrange;
using Catch::Contains;
using nlohmann::json;
using tests::running_program;
namespace fs = std::filesystem;

namespace {

using words = std::vector<std::string>;

struct ended {
  int status = -1;
  std::string out;
};
ended run(const words& arguments) {
  running_program program(arguments);
  const auto status = program.wait().status;
  return {status, program.output()};
}

/// What a person gets to see, on stderr.
std::string told_by(const words& arguments) {
  std::string command = LAGRANGE_PROGRAM;
  for (const auto& word : arguments) command += " '" + word + "'";
  std::string text;
  auto* pipe = ::popen((command + " 2>&1 >/dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  CHECK(::pclose(pipe) == 0);
  return text;
}

words job(const fs::path& folder, const words& more = {}) {
  words made{"simulate",
             "--output",
             folder.string(),
             "--set",
             "name=simulated",
             "--set",
             "model.name=mlp",
             "--set",
             "data.format=synthetic",
             "--set",
             "data.path=blobs:2000:8:4",
             "--set",
             "data.batch=4",
             "--set",
             "data.epochs=2",
             "--workers",
             "50"};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

fs::path run_in(const fs::path& folder) { return fs::directory_iterator(folder)->path(); }

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

} // namespace

TEST_CASE("RE-1: the same seed leaves the same bytes in two folders, another seed others",
          "[apps][simulate]") {
  const tests::temporary_folder folder; // the config, which journals tell of, names it
  for (const std::string how : {"--quiet", "--plain"})
    REQUIRE(run(job(folder.path(), {how, "--seed", "3"})).status == 0);
  const std::vector<fs::path> same(fs::directory_iterator(folder.path()), {});
  REQUIRE(same.size() == 2);
  for (const fs::path file :
       {"job.toml", "summary.json", "workers.json", "metrics.jsonl", "events.log",
        "parameters.ckpt", "journal/shard-0.lgj", "journal/shard-1.lgj"}) {
    CAPTURE(file);
    const auto bytes = content(same[0] / file);
    CHECK_FALSE(bytes.empty());
    CHECK((bytes == content(same[1] / file)));
  }
  const tests::temporary_folder other;
  REQUIRE(run(job(other.path(), {"--quiet", "--seed", "4"})).status == 0);
  const auto first = json::parse(content(same[0] / "summary.json")),
             second = json::parse(content(run_in(other.path()) / "summary.json"));
  CHECK(first["emulated"] == true);
  CHECK(first["workers"] == 50);
  CHECK(first["parameters_sha256"] != second["parameters_sha256"]);
}

TEST_CASE("a simulation from a run shows what that measured beside what it says",
          "[apps][simulate]") {
  const tests::temporary_folder measured, simulated;
  REQUIRE(run(job(measured.path(), {"--quiet", "--set", "simulation.step=7ms"})).status == 0);
  const auto source = run_in(measured.path());
  const auto ended = run({"simulate", "--from", source.string(), "--output",
                          simulated.path().string(), "--policy", "bsp", "--quiet"});
  REQUIRE(ended.status == 0);
  const auto found = json::parse(content(run_in(simulated.path()) / "prediction.json"));
  CHECK(found["measured"] == json::parse(content(source / "summary.json")));
  CHECK(found["simulated"] == json::parse(content(run_in(simulated.path()) / "summary.json")));
  CHECK(found["simulated"]["policy"] == "bsp");
  // 20 rounds of 50 workers, each as long as the slowest of them.
  CHECK(found["simulated"]["train_seconds"] > 20 * 0.007);
  CHECK(run({"simulate", "--from", simulated.path().string(), "--quiet"}).status == 2);
}

TEST_CASE("a simulation from a run injects what that had injected once, and by what a batch took",
          "[apps][simulate]") {
  for (const words& how :
       {words{"--policy", "bsp"},
        words{"--policy", "asp", "--set", "staleness.local_steps=8", "--set",
              "staleness.outer=average", "--set", "staleness.dynamic_steps=true"}}) {
    const tests::temporary_folder measured, simulated;
    auto slow = job(measured.path(), how);
    slow.insert(slow.end(), {"--quiet", "--slow", "worker-1:4x", "--set", "topology.workers=4"});
    slow.erase(std::ranges::find(slow, "--workers"), std::ranges::find(slow, "50") + 1);
    REQUIRE(run(slow).status == 0);
    const auto source = run_in(measured.path());
    REQUIRE(run({"simulate", "--from", source.string(), "--output", simulated.path().string(),
                 "--quiet"})
                .status == 0);
    const auto found = json::parse(content(run_in(simulated.path()) / "prediction.json"));
    const double once = found["measured"]["train_seconds"];
    CAPTURE(how[1], once);
    CHECK(found["simulated"]["train_seconds"].get<double>() == Approx(once).epsilon(0.1));
  }
}

TEST_CASE("a simulation from a run measures what a step with another codec costs, or is told",
          "[apps][simulate]") {
  const tests::temporary_folder measured;
  REQUIRE(run(job(measured.path(), {"--quiet", "--policy", "asp"})).status == 0);
  const auto source = run_in(measured.path()).string();
  const auto predicted = [&](const words& how) {
    const tests::temporary_folder simulated;
    words all{"simulate", "--from", source, "--output", simulated.path().string(), "--quiet"};
    all.insert(all.end(), how.begin(), how.end());
    REQUIRE(run(all).status == 0);
    return json::parse(content(run_in(simulated.path()) / "prediction.json"));
  };
  const auto seconds = [](const json& x) { return x["simulated"]["train_seconds"].get<double>(); };
  const auto same = predicted({"--policy", "ssp:2"}),
             larger = predicted({"--set", "data.batch=64"});
  const auto told = predicted({"--step-cost", "20000"});
  CHECK(same["step_cost_us"] == 0);
  CHECK(larger["step_cost_us"] != 0); // by chance only
  CHECK(told["step_cost_us"] == 20'000);
  // 20 steps of each of 50 workers that take 10 ms and wait for nobody.
  CHECK(seconds(told) == Approx(3 * seconds(predicted({}))).epsilon(0.15));
  CHECK(run({"simulate", "--from", source, "--step-cost", "long", "--quiet"}).status == 2);
  CHECK(run({"simulate", "--step-cost", "2", "--quiet"}).status == 2);
}

TEST_CASE("RE-1 LE-1: a simulated run is replayed and audited like any other", "[apps][simulate]") {
  const tests::temporary_folder folder;
  REQUIRE(run(job(folder.path(), {"--quiet", "--set", "codec.push=int8"})).status == 0);
  const auto replayed = run({"replay", run_in(folder.path()).string(), "--json"});
  CHECK(replayed.status == 0);
  CHECK(json::parse(replayed.out)["bit_exact"] == true);
  const auto audited = run({"audit", run_in(folder.path()).string(), "--json"});
  CHECK(audited.status == 0);
  CHECK(json::parse(audited.out)["holds"] == true);
}

TEST_CASE("a person is told that times are virtual, first and last", "[apps][simulate]") {
  const tests::temporary_folder folder;
  const auto told = told_by(job(folder.path(), {"--plain"}));
  const std::string label = "simulated: times are virtual";
  const auto first = told.find(label), last = told.rfind(label);
  REQUIRE(first != std::string::npos);
  CHECK(first < last);
  CHECK_THAT(told, Contains("events/s"));
  CHECK_THAT(told, Contains("leases: 1000 issued, 1000 applied, 0 lost, 0 duplicated"));
}

TEST_CASE("workers.json says of every worker what it did with its time", "[apps][simulate]") {
  const tests::temporary_folder folder;
  REQUIRE(run(job(folder.path(), {"--quiet"})).status == 0);
  const auto workers = json::parse(content(run_in(folder.path()) / "workers.json"));
  REQUIRE(workers.size() == 50);
  std::uint64_t samples = 0;
  for (const auto& each : workers) {
    samples += each["samples"].get<std::uint64_t>();
    CHECK(each["wait_share"] >= 0);
    CHECK(each["wait_share"] <= 1);
  }
  CHECK(samples == 4000);
}
