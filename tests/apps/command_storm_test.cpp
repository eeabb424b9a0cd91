// The words of `chaos` and `ps`.
#include "apps/command_line.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <sstream>

using namespace lagrange;
using runtime::actor_role;

namespace {

struct outcome {
  int status = -1;
  std::string err;
  std::optional<storm_order> storm;
  std::optional<ps_order> ps;
};

outcome call(const std::vector<std::string>& words) {
  outcome x;
  const auto rows = runtime::catalog::standard();
  verb_functions verbs;
  verbs.chaos = [&](const storm_order& order) {
    x.storm = order;
    return 0;
  };
  verbs.ps = [&](const ps_order& order) {
    x.ps = order;
    return 0;
  };
  std::ostringstream out, err;
  x.status = command_line(words, rows, verbs, {out, err});
  x.err = err.str();
  return x;
}

outcome storm(std::vector<std::string> words) {
  words.insert(words.begin(), {"chaos", "--seed", "7"});
  return call(words);
}

void check_refused(const outcome& x, const std::vector<std::string>& fragments) {
  CAPTURE(x.err);
  CHECK(x.status == 2);
  CHECK_FALSE(x.storm);
  CHECK(x.err.find("lagrange: ") == 0);
  for (const auto& fragment : fragments) CHECK(x.err.find(fragment) != std::string::npos);
}

} // namespace

TEST_CASE("a storm without a job is on one that counts, as long as its strikes need",
          "[apps][command_line][storm]") {
  const auto x = storm({"--kills", "20"});
  CAPTURE(x.err);
  REQUIRE(x.storm);
  CHECK(x.storm->kills == 20);
  CHECK(x.storm->roles.size() == 4);
  CHECK(x.storm->replays);
  CHECK_FALSE(x.storm->measures_goodput);
  const auto& job = x.storm->job.job;
  CHECK(job.seed == 7);
  CHECK(job.model.name == "count");
  CHECK(job.optimizer.name == "sgd");
  CHECK(job.optimizer.options.rate == 1);
  CHECK(job.restart.intensity == 1000);
  CHECK(job.data.epochs == 60);
  const auto plan = plan_of(*x.storm);
  CHECK(plan.size() == 20);
  CHECK(plan == plan_of(*storm({"--kills", "20"}).storm)); // RE-1
  CHECK(plan != plan_of(*call({"chaos", "--kills", "20", "--seed", "8"}).storm));
}

TEST_CASE("options of a storm and of run go together", "[apps][command_line][storm]") {
  CHECK(storm({"--kills=3", "--set", "topology.replicas=1"}).storm->roles.size() == 5);
  const auto x = storm({"--kills=3", "--roles", "worker,shard", "--goodput", "--skip-replay",
                        "--workers", "2", "--policy", "bsp", "--set", "data.epochs=9", "--every",
                        "5s", "--report", "r.json", "--quiet"});
  CAPTURE(x.err);
  REQUIRE(x.storm);
  CHECK(x.storm->roles.size() == 2);
  CHECK(x.storm->roles[0].role == actor_role::worker);
  CHECK(x.storm->roles[1].role == actor_role::shard);
  CHECK(x.storm->measures_goodput);
  CHECK_FALSE(x.storm->replays);
  CHECK(x.storm->every == std::chrono::seconds(5));
  CHECK(x.storm->report_file == "r.json");
  CHECK(x.storm->job.job.topology.workers == 2);
  CHECK(x.storm->job.job.staleness.policy == "bsp");
  CHECK(x.storm->job.job.data.epochs == 9);
  CHECK(x.storm->job.mode == output_mode::quiet);
}

TEST_CASE("a storm that cannot be is refused with what would be", "[apps][command_line][storm]") {
  check_refused(storm({}), {"--kills", "required"});
  check_refused(storm({"--kills", "0"}), {"--kills 0", "from 1 to"});
  check_refused(storm({"--kills", "-3"}), {"from 1 to"});
  check_refused(storm({"--kills", "many"}), {"--kills many"});
  check_refused(storm({"--kills", "3", "--roles", "worker,chard"}),
                {"--roles chard", "did you mean \"shard\"?"});
  check_refused(storm({"--kills", "3", "--roles", "evaluator"}), {"worker, shard, feeder"});
  check_refused(storm({"--kills", "3", "--roles", "shard,replica"}),
                {"topology.replicas", "a job without replicas, expected 1"});
  check_refused(storm({"--kills", "3", "--every", "soon"}), {"--every soon", "5s"});
  check_refused(storm({"--kills", "3", "--in-process"}), {"--in-process", "one"});
  check_refused(storm({"--kills", "3", "--transport", "inproc"}), {"topology.transport"});
  check_refused(storm({"--kills", "3", "--set", "chaos.failures=every 1s"}), {"chaos.failures"});
  check_refused(storm({"--kills", "3", "--set", "restart.intensity=0"}),
                {"restart.intensity", "is struck"});
  check_refused(storm({"--kills", "3", "--set", "data.epochs=100000"}), {"more than an f32"});
  check_refused(storm({"--kills", "3", "--kils", "4"}), {"did you mean --kills?"});
  check_refused(storm({"--kills", "3", "/tmp"}), {"/tmp is a folder", "/tmp/job.toml"});
  check_refused(storm({"--kills", "3", "no-such.toml"}), {"no such file"});
}

TEST_CASE("ps takes runs, or a folder of runs", "[apps][command_line]") {
  CHECK(call({"ps"}).ps->dir == "runs");
  CHECK(call({"ps", "--output", "d"}).ps->dir == "d");
  CHECK(call({"ps", "a", "b", "--json"}).ps->runs == std::vector<std::string>{"a", "b"});
  CHECK(call({"ps", "a", "--output", "d"}).status == 2);
}
