// Which worker computes on what, and what a machine cannot give.
#include "ops/devices.hpp"
#include "ops/machine.hpp"
#include "runtime/assembly.hpp"
#include "runtime/job_devices.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lagrange;
using namespace lagrange::runtime;
using Catch::Contains;

namespace {

constexpr ops::device gpu(int index) { return {ops::device::kind_type::cuda, index}; }

job of_devices(const std::string& list) {
  const std::vector<std::string> overrides{"topology.devices=" + list, "model.name=softmax",
                                           "topology.shards=1", "topology.workers=2"};
  return parse_job("", "job.toml", overrides, catalog::standard()).value();
}

catalog emulated() {
  auto rows = catalog::standard();
  rows.cuda_module = LAGRANGE_EMULATED_CUDA;
  return rows;
}

const data_facts facts{{{4}, 3}, 100};

} // namespace

TEST_CASE("devices are dealt to workers in turns", "[runtime][job]") {
  const auto x = of_devices("[\"cuda:1\", \"cpu\", \"cuda:0\"]");
  for (const std::uint32_t turn : {0U, 3U, 30U}) {
    CHECK(device_of(x, turn) == gpu(1));
    CHECK(device_of(x, turn + 1) == ops::device{});
    CHECK(device_of(x, turn + 2) == gpu(0));
  }
  CHECK(parse_job(to_toml(x), "again", {}, catalog::standard()).value() == x);
}

TEST_CASE("a job is refused the devices that the machine does not have", "[runtime][job]") {
  auto rows = emulated();
  CHECK(check_job(of_devices("[\"cpu\", \"cuda:0\"]"), facts, rows));
  const auto beyond = check_job(of_devices("[\"cuda:0\", \"cuda:1\"]"), facts, rows);
  REQUIRE_FALSE(beyond);
  CHECK_THAT(beyond.error().text,
             Contains("topology.devices = [\"cuda:0\", \"cuda:1\"]: ") &&
                 Contains("no cuda:1 here") &&
                 Contains("the last that CUDA can use is cuda:0", Catch::CaseSensitive::No));
  rows.cuda_module = "/nowhere/lagrange_cuda.so";
  CHECK(check_job(of_devices("[\"cpu\", \"cpu\"]"), facts, rows)); // it is not looked for
  const auto absent = check_job(of_devices("[\"cuda:0\"]"), facts, rows);
  REQUIRE_FALSE(absent);
  CHECK_THAT(absent.error().text, Contains(ops::list_devices(rows.cuda_module).cuda_absence));
}

TEST_CASE("RE-1: what a job's sums depend on names the devices that its workers compute on",
          "[runtime][job]") {
  auto rows = emulated();
  const auto kind = ops::list_devices(rows.cuda_module).devices.back().description;
  CHECK(libraries_of(of_devices("[\"cpu\"]"), rows) == ops::library_versions());
  const auto mixed = libraries_of(of_devices("[\"cpu\", \"cuda:0\"]"), rows);
  CHECK(mixed == ops::library_versions() + "; " + kind);
  // Twice the same, and one that no worker gets.
  CHECK(libraries_of(of_devices("[\"cuda:0\", \"cuda:0\", \"cuda:1\"]"), rows) == mixed);
  CHECK_THAT(libraries_of(of_devices("[\"cuda:0\", \"cuda:1\"]"), rows),
             Contains(kind) && Contains("; no cuda:1"));
  rows.cuda_module = "/nowhere/lagrange_cuda.so";
  CHECK_THAT(libraries_of(of_devices("[\"cuda:0\"]"), rows), Contains("; no cuda:0"));
}

TEST_CASE("a model of the CPU alone is refused other devices", "[runtime][job]") {
  class plain final : public ops::network {
  public:
    std::span<const ops::parameter_spec> parameters() const override { return specs_; }
    float train(const ops::training_pass&) override { return 0; }
    ops::scores evaluate(std::span<const float>, const ops::tensor&, std::span<const std::int32_t>,
                         std::span<const ops::table_part>) override {
      return {};
    }

  private:
    std::vector<ops::parameter_spec> specs_{{"w", {2}, {}}};
  };
  auto rows = emulated();
  const auto row = std::ranges::find(rows.models, "softmax", &ops::model_row::name);
  row->maker = [](const ops::model_input&,
                  const ops::model_settings&) -> std::unique_ptr<ops::network> {
    return std::make_unique<plain>();
  };
  CHECK(check_job(of_devices("[\"cpu\"]"), facts, rows));
  const auto refused = check_job(of_devices("[\"cuda:0\"]"), facts, rows);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().text, Contains("topology.devices") && Contains("CPU only"));
}

TEST_CASE("a worker's computation goes to its device, or the worker does not start",
          "[runtime][job]") {
  auto rows = emulated();
  const auto x = of_devices("[\"cpu\", \"cuda:0\"]");
  auto made = make_computation(x, rows, facts);
  CHECK_NOTHROW(use_device(made, x, rows, 1));
  rows.cuda_module = "/nowhere/lagrange_cuda.so";
  CHECK_NOTHROW(use_device(made, x, rows, 0));
  CHECK_THROWS_AS(use_device(made, x, rows, 1), ops::device_error);
}
