// Whole jobs whose workers compute on different devices; the emulation stands in for a GPU.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace lagrange;
using nlohmann::json;
using tests::row_of;
using tests::running_program;

namespace {

/// The module that programs started from here look for, for the length of a scope.
struct module_in_environment {
  explicit module_in_environment(const char* file) { ::setenv("LAGRANGE_CUDA_MODULE", file, 1); }
  ~module_in_environment() { ::unsetenv("LAGRANGE_CUDA_MODULE"); }
};

std::vector<std::string> job(const tests::temporary_folder& folder, const std::string& devices,
                             const std::string& precision) {
  return {"run",       "--json",
          "--output",  folder.path().string(),
          "--set",     "model.name=softmax",
          "--set",     "data.format=synthetic",
          "--set",     "data.path=blobs:3000:16:4",
          "--set",     "data.batch=20",
          "--set",     "data.epochs=2",
          "--set",     "topology.devices=" + devices,
          "--set",     "precision.compute=" + precision,
          "--workers", "2",
          "--shards",  "1",
          "--summary", (folder.path() / "summary.json").string()};
}

bool has_loaded(pid_t process, const std::string& file) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  return std::string(std::istreambuf_iterator<char>(maps), {}).find(file) != std::string::npos;
}

bool both_have_steps(const json& status) {
  const auto is_at_work = [&](const char* name) {
    const auto row = row_of(status, name);
    return row["clock"].is_number() && row["clock"] >= 1;
  };
  return is_at_work("worker-0") && is_at_work("worker-1");
}

} // namespace

TEST_CASE("EN-1: a job with workers on the CPU and on a GPU ends done", "[apps][process]") {
  const module_in_environment module(LAGRANGE_EMULATED_CUDA);
  for (const std::string precision : {"f32", "f16"}) {
    CAPTURE(precision);
    const tests::temporary_folder folder;
    running_program program(job(folder, "[\"cpu\", \"cuda:0\"]", precision));
    const auto status = program.status_where(both_have_steps);
    REQUIRE(status.is_object());
    const auto pid_of = [&](const char* name) { return row_of(status, name)["pid"].get<pid_t>(); };
    CHECK_FALSE(has_loaded(pid_of("worker-0"), LAGRANGE_EMULATED_CUDA));
    CHECK(has_loaded(pid_of("worker-1"), LAGRANGE_EMULATED_CUDA));
    const auto end = program.wait();
    INFO(program.output());
    CHECK(end.status == 0);
    std::ifstream file(folder.path() / "summary.json");
    const auto summary = json::parse(file, nullptr, false);
    REQUIRE(summary.is_object());
    CHECK(summary["leases"]["applied"] == 300);
    CHECK(summary["leases"]["lost"] == 0);
    CHECK(summary["restarts"]["worker"] == 0);
    CHECK(summary["test_accuracy"] > 0.9);
  }
}

TEST_CASE("a job whose devices are not there is refused before it starts", "[apps][process]") {
  const module_in_environment module("/nowhere/lagrange_cuda.so");
  const tests::temporary_folder folder;
  running_program program(job(folder, "[\"cuda:0\"]", "f32"));
  CHECK(program.wait().status == 2);
  CHECK_THAT(program.output(), Catch::Contains("topology.devices = [\"cuda:0\"]") &&
                                   Catch::Contains("/nowhere/lagrange_cuda.so is not there"));
  running_program list({"list", "devices"});
  CHECK(list.wait().status == 0);
  CHECK_THAT(list.output(), Catch::Contains("No CUDA: /nowhere/lagrange_cuda.so is not there"));
}
