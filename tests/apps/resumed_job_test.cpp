// What of a job may change when its run goes on, and what is refused, with the reason.
#include "apps/resumed_job.hpp"
#include "apps/run_folder.hpp"
#include "runtime/summary.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace lagrange;
using namespace lagrange::runtime;
using Catch::Contains;

namespace {

using words = std::vector<std::string>;

/// A run's folder with a config and, if it is to have ended, a summary.
class run_of {
public:
  explicit run_of(const words& set, const std::string& outcome = {}) {
    const auto made = parse_job("", "the test", set, catalog::standard()).value();
    std::ofstream(folder_.path() / "job.toml") << to_toml(made);
    if (outcome.empty()) return;
    summary end;
    end.outcome = outcome;
    std::ofstream(folder_.path() / "summary.json") << to_json(end);
  }
  result<resumed_job> resumed(const words& set = {}) const {
    return read_resumed_job(folder_.path(), set, catalog::standard());
  }
  std::string refusal(const words& set = {}) const {
    const auto found = resumed(set);
    return found ? "accepted" : found.error().text;
  }
  const std::filesystem::path& path() const { return folder_.path(); }

private:
  tests::temporary_folder folder_;
};

} // namespace

TEST_CASE("a run goes on with its own job, or with what may change", "[apps][terms]") {
  const run_of run({"data.epochs=3", "staleness.policy=ssp:2"}, "interrupted");
  const auto same = run.resumed();
  REQUIRE(same);
  CHECK(same.value().what.data.epochs == 3);
  CHECK(same.value().policy == "");
  CHECK(run.refusal({"evaluation.every=2 epochs"}) == "accepted");
  const auto changed = run.resumed(
      {"data.epochs=4", "staleness.policy=asp", "topology.workers=2", "restart.intensity=9"});
  REQUIRE(changed);
  CHECK(changed.value().what.data.epochs == 4);
  CHECK(changed.value().what.topology.workers == 2);
  CHECK(changed.value().policy == "asp");
}

TEST_CASE("what the kept state was made with cannot change, and the refusal says why",
          "[apps][terms]") {
  const run_of run({"codec.push=int8", "model.name=mlp"});
  const std::vector<std::pair<std::string, std::string>> refused{
      {"model.name=softmax", "the parameters are those of that model"},
      {"data.batch=64", "the leases of the run are of that data"},
      {"data.epochs=1", "leases of the later epochs may have been applied"},
      {"optimizer.rate=0.5", "its state was made by that optimizer"},
      {"topology.shards=3", "kept in so many parts"},
      {"topology.workers=3", "what the other workers have not sent yet"},
      {"codec.push=none", "left by that codec"},
      {"precision.compute=bf16", "could not be replayed"},
      {"seed=7", "drawn from it"},
      {"output.dir=elsewhere", "stays in its folder"},
      {"staleness.weight=inverse", "could not be replayed"}};
  for (const auto& [set, why] : refused) {
    INFO(set);
    CHECK_THAT(run.refusal({set}), Contains(why) && Contains("cannot become"));
  }
  CHECK_THAT(run_of({"model.name=gpt"}).refusal({"model.width=64"}), Contains("model differs"));
  CHECK(run.refusal({"topology.workers=5"}) == "accepted");
}

TEST_CASE("a run that is done has nothing left, unless it gets more epochs", "[apps][terms]") {
  const run_of run({"data.epochs=3"}, "done");
  CHECK_THAT(run.refusal(), Contains("all of its 3 epochs are trained") && Contains("epochs=4"));
  CHECK(run.refusal({"data.epochs=4"}) == "accepted");
}

TEST_CASE("a folder that is none of a run is refused", "[apps][terms]") {
  const tests::temporary_folder empty;
  CHECK_THAT(read_resumed_job(empty.path(), {}, catalog::standard()).error().text,
             Contains("has no job.toml"));
  CHECK_THAT(read_resumed_job("/nowhere", {}, catalog::standard()).error().text,
             Contains("is no folder"));
}

TEST_CASE("EN-1: of two supervisors one has a run, and its lock ends with it", "[apps][terms]") {
  const run_of run({});
  {
    const auto first = apps::run_folder::open(run.path(), std::chrono::seconds(1));
    REQUIRE(first);
    const auto second = apps::run_folder::open(run.path(), std::chrono::seconds(1));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == errc::bad_argument);
    CHECK_THAT(second.error().text, Contains("belongs to a supervisor that still runs"));
  }
  auto again = apps::run_folder::open(run.path(), std::chrono::seconds(1));
  REQUIRE(again);
  CHECK(again.value().take_term("the config").value() == supervisor_term{1});
  CHECK(again.value().take_term("the config").value() == supervisor_term{2});
}
