#include "apps/step_cost.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using runtime::job;

TEST_CASE("workers compute alike whatever their number, policy and rate", "[apps][simulate]") {
  job changed;
  changed.topology.workers = 17;
  changed.topology.shards = 5;
  changed.staleness.policy = "bsp";
  changed.staleness.weight = "inverse";
  changed.optimizer.options.rate = 0.5F;
  changed.data.epochs = 9;
  changed.seed = 4;
  changed.chaos.slow = {"worker-0:3x"};
  CHECK(apps::computes_alike(changed, job()));
}

TEST_CASE("another codec, model, batch or precision is another computation", "[apps][simulate]") {
  const auto differs = [](auto change) {
    job changed;
    change(changed);
    return !apps::computes_alike(changed, job());
  };
  CHECK(differs([](job& x) { x.codec.push = "int8"; }));
  CHECK(differs([](job& x) { x.codec.pull = "f16"; }));
  CHECK(differs([](job& x) { x.model.name = "mlp"; }));
  CHECK(differs([](job& x) { x.data.batch = 64; }));
  CHECK(differs([](job& x) { x.precision.compute = "bf16"; }));
  CHECK(differs([](job& x) { x.topology.threads = 2; }));
  CHECK(differs([](job& x) { x.staleness.local_steps = 8; }));
  CHECK(differs([](job& x) { x.optimizer.clip_norm = 1; }));
}

TEST_CASE("a step of a larger batch costs more, and of the same one nearly nothing",
          "[apps][simulate]") {
  const auto rows = runtime::catalog::standard();
  const auto made = [&](const std::string& batch) {
    const std::vector<std::string> set{"data.format=synthetic", "data.path=blobs:4096:256:4",
                                       "model.name=mlp", "data.batch=" + batch};
    return runtime::parse_job("", "a test", set, rows).value();
  };
  const auto small = made("32");
  const auto more = apps::measure_step_cost(made("512"), small, rows).value();
  CHECK(more.count() > 0);
  CHECK(apps::measure_step_cost(small, small, rows).value() < more);
  auto gone = small;
  gone.data.format = "idx";
  gone.data.path = "/nowhere";
  CHECK_FALSE(apps::measure_step_cost(gone, small, rows));
}
