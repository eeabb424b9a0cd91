// What the proof of a storm finds where something is wrong.
#include "apps/storm_proof.hpp"

#include "apps/control_socket.hpp"
#include "apps/left_behind.hpp"
#include "runtime/checkpoint.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lagrange;
using runtime::catalog;
using tests::temporary_folder;

namespace {

runtime::job count_job(std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"model.name=count", "optimizer.name=sgd", "optimizer.rate=1"});
  return runtime::parse_job("", "the test", more, catalog::standard()).value();
}

/// Whether the proof holds of these parameters, after so many updates of two shards.
apps::claim proof_of(const std::vector<float>& values, std::vector<std::uint64_t> updates,
                     std::optional<std::uint64_t> applied, const std::string& policy = "ssp:3") {
  temporary_folder folder;
  const auto job = count_job({"staleness.policy=" + policy});
  const auto rows = catalog::standard();
  runtime::checkpoint made;
  made.model = "count";
  made.parameters = {{"first", {std::ssize(values)}}};
  for (std::uint32_t shard = 0; shard < updates.size(); ++shard)
    made.shards.push_back({{shard}, {updates[shard]}, 0});
  made.values = ops::tensor(ops::dtype::f32, {std::ssize(values)});
  std::ranges::copy(values, made.values.values<float>().begin());
  REQUIRE(runtime::write_checkpoint(folder.path() / "parameters.ckpt", made).has_value());
  return apps::prove_count({folder.path(), job, rows, {}, false}, applied);
}

} // namespace

TEST_CASE("SH-2 LE-1: a count that is off by one update anywhere is no proof", "[apps][storm]") {
  const auto right = proof_of({-40, -40, -40}, {40, 40}, 40);
  CHECK(right.holds);
  CHECK(right.text == "each of 3 parameters is exactly -40, minus the number of leases");
  CHECK_FALSE(proof_of({-40, -41, -40}, {40, 40}, 40).holds);    // one twice
  CHECK_FALSE(proof_of({-40, -40, -39.5F}, {40, 40}, 40).holds); // half of one lost
  CHECK_FALSE(proof_of({-40, -40, -40}, {40, 39}, 40).holds);
  CHECK_FALSE(proof_of({-39, -39, -39}, {39, 39}, 40).holds); // one lost on all
  CHECK_FALSE(proof_of({0, 0, 0}, {40, 40}, 40).holds);
  CHECK(proof_of({-10, -10}, {10, 10}, 40, "bsp").holds); // four leases are one update
}

TEST_CASE("only a job that counts is said to have counted", "[apps][storm]") {
  CHECK(apps::no_count_because(count_job()).empty());
  CHECK(apps::no_count_because(count_job({"codec.push=bf16"})).empty());
  for (const std::string set :
       {"model.name=mlp", "optimizer.rate=0.5", "optimizer.name=adam", "optimizer.momentum=0.9",
        "optimizer.clip_norm=1", "optimizer.warmup=10", "staleness.weight=inverse",
        "staleness.compensation=dc:0.1", "staleness.local_steps=2", "codec.push=topk:0.5"}) {
    CAPTURE(set);
    CHECK_FALSE(apps::no_count_because(count_job({set})).empty());
  }
}

TEST_CASE("EN-1: what a job leaves behind is found, and swept", "[apps][storm]") {
  temporary_folder folder;
  CHECK(apps::left_behind(folder.path(), {}, {}).empty());
  folder.write("job.toml", "");
  std::filesystem::create_directories(folder.path() / "checkpoints" / "cut-000001");
  const auto half = folder.write("checkpoints/cut-000001/.manifest.json.partial", "{");
  auto socket = apps::control_socket::open(folder.path());
  REQUIRE(socket.has_value());
  auto found = apps::left_behind(folder.path(), {}, {});
  std::ranges::sort(found);
  CHECK(found ==
        std::vector<std::string>{"the socket " + (folder.path() / apps::control_name).string(),
                                 "the unfinished file " + half});
  apps::sweep(folder.path());
  CHECK(apps::left_behind(folder.path(), {}, {}).empty());
  CHECK(std::filesystem::exists(folder.path() / "job.toml"));
}
