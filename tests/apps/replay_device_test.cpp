// Runs whose workers computed on a device, replayed and audited: the emulation stands in for a GPU.
#include "runtime/journal_file.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>

using namespace lagrange;
using Catch::Contains;
using nlohmann::json;
using tests::row_of;
using tests::running_program;
namespace fs = std::filesystem;

namespace {

struct module_in_environment {
  explicit module_in_environment(const char* file) { ::setenv("LAGRANGE_CUDA_MODULE", file, 1); }
  ~module_in_environment() { ::unsetenv("LAGRANGE_CUDA_MODULE"); }
};

using words = std::vector<std::string>;

words job(const tests::temporary_folder& folder, const words& more) {
  words made{"run",       "--json",
             "--output",  folder.path().string(),
             "--policy",  "ssp:3",
             "--set",     "model.name=mlp",
             "--set",     "data.format=synthetic",
             "--set",     "data.path=blobs:2000:16:4",
             "--set",     "data.batch=10",
             "--set",     "data.epochs=2",
             "--set",     "topology.devices=[\"cpu\", \"cuda:0\"]",
             "--workers", "2"};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

fs::path run_in(const tests::temporary_folder& folder) {
  return fs::directory_iterator(folder.path())->path();
}

struct told {
  int status = -1;
  json what; ///< null where it told no object
  std::string output;
};
told tell(const std::string& verb, const fs::path& run) {
  running_program program({verb, run.string(), "--json"});
  const auto status = program.wait().status;
  return {status, json::parse(program.output(), nullptr, false), program.output()};
}

json summary_of(const fs::path& run) {
  std::ifstream file(run / "summary.json");
  return json::parse(file, nullptr, false);
}

void check_replays(const fs::path& run) {
  const auto found = tell("replay", run);
  INFO(found.output);
  REQUIRE(found.what.is_object());
  CHECK(found.status == 0);
  CHECK(found.what["bit_exact"] == true);
  CHECK(found.what["sha256"] == summary_of(run)["parameters_sha256"]);
  CHECK(found.what["remarks"].empty());
}

/// The run's journals as if another machine had written them.
void rewrite_libraries(const fs::path& run, const std::string& libraries) {
  for (std::uint32_t shard = 0; shard < 2; ++shard) {
    const auto path = runtime::journal_path(run, {shard});
    auto kept = runtime::read_journal(path).value();
    kept.head.libraries = libraries;
    fs::remove(path);
    auto writer = runtime::journal_writer::create(path, kept.head);
    REQUIRE(writer);
    REQUIRE(writer.value().append(kept.entries));
  }
}

} // namespace

TEST_CASE("RE-1: a run on the CPU and on a device replays to the same bits on the same devices",
          "[apps][process][replay]") {
  const module_in_environment module(LAGRANGE_EMULATED_CUDA);
  for (const std::string precision : {"f32", "bf16", "f16"}) {
    CAPTURE(precision);
    tests::temporary_folder folder;
    running_program program(
        job(folder, {"--in-process", "--set", "precision.compute=" + precision}));
    REQUIRE(program.wait().status == 0);
    check_replays(run_in(folder));
  }
}

TEST_CASE("RE-1: with its worker on the device killed a run replays to the same bits",
          "[apps][process][replay]") {
  const module_in_environment module(LAGRANGE_EMULATED_CUDA);
  tests::temporary_folder folder;
  running_program program(
      job(folder, {"--set", "data.epochs=5", "--set", "codec.push=topk:0.2 | int8"}));
  const auto status = program.status_where([](const json& seen) {
    const auto row = row_of(seen, "worker-1");
    return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= 5;
  });
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGKILL) == 0);
  REQUIRE(program.wait().status == 0);
  const auto run = run_in(folder);
  CHECK(summary_of(run)["restarts"]["worker"] == 1);
  check_replays(run);
  CHECK(tell("audit", run).what["holds"] == true);
}

TEST_CASE("a run on a device is audited anywhere, replayed where the device is, and a difference "
          "is said",
          "[apps][process][replay]") {
  tests::temporary_folder folder;
  {
    const module_in_environment module(LAGRANGE_EMULATED_CUDA);
    REQUIRE(running_program(job(folder, {"--in-process"})).wait().status == 0);
    const auto head =
        runtime::read_journal(runtime::journal_path(run_in(folder), {1})).value().head;
    CHECK_THAT(head.libraries, Contains("oneDNN") && Contains("; emulated GPU, sm_90"));
  }
  const auto run = run_in(folder);
  {
    const module_in_environment module("/nowhere/lagrange_cuda.so");
    const auto refused = tell("replay", run);
    CHECK(refused.status == 2);
    CHECK_THAT(refused.output,
               Contains("no cuda:0 here") && Contains("/nowhere/lagrange_cuda.so is not there"));
    CHECK(tell("audit", run).what["holds"] == true);
  }
  const module_in_environment module(LAGRANGE_EMULATED_CUDA);
  rewrite_libraries(run, "oneDNN 1.0; another GPU, sm_75");
  const auto elsewhere = tell("replay", run);
  CHECK(elsewhere.what["bit_exact"] == true);
  CHECK_THAT(elsewhere.output, Contains("the run had the libraries oneDNN 1.0; another GPU, sm_75, "
                                        "here it is") &&
                                   Contains("emulated GPU"));
}
