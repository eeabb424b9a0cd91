// Whole jobs as `lagrange simulate` runs them: without faults, with the job's own virtual times.
#include "actors/simulation/simulated_job.hpp"
#include "runtime/audit.hpp"
#include "runtime/replay.hpp"

#include <catch2/catch.hpp>

#include <optional>

using namespace lagrange;
using namespace lagrange::runtime;
using actors::simulation::simulated_job;

namespace {

constexpr auto base_job = R"(
seed = 7
data = {format = "synthetic", path = "blobs:4000:8:4", batch = 4, epochs = 1}
model = {name = "softmax"}
optimizer = {name = "sgd", rate = 0.01}
topology = {workers = 100, shards = 2}
)";

/// Far more than any of these jobs has; one that needs them hangs (EN-1).
constexpr std::uint64_t events_max = 2'000'000;

using overrides = std::vector<std::string>;

struct outcome {
  summary figures;
  double virtual_seconds = 0;
  std::uint64_t events = 0;
  std::vector<worker_share> workers;
  std::vector<journal> journals;
  std::vector<float> parameters;
  std::string audited;  ///< empty: nothing was lost or used twice
  std::string replayed; ///< what differs; empty: every bit is the same
};

enum class replaying : std::uint8_t { no, yes };

journal_opener journals_into(std::vector<journal>& all) {
  return [&all](const journal_header& head) -> result<journal_sink> {
    all[head.shard.value].head = head;
    return journal_sink([&all](shard_id shard, std::span<const journal_entry> entries) {
      auto& own = all[shard.value].entries;
      own.insert(own.end(), entries.begin(), entries.end());
      return result<void>(success());
    });
  };
}

std::string replay_of(const job& what, const catalog& rows, const data_facts& facts,
                      const outcome& recorded) {
  const auto training = open_data(what, rows, data_split::train).value();
  replay again({what, rows, facts, *training}, make_replay_plan(recorded.journals).value(), {});
  if (const auto ran = again.run(); !ran) return ran.error().text;
  if (!again.difference().empty()) return again.difference();
  return assemble_parameters(what, rows, facts, again.parameters().shards) == recorded.parameters
             ? ""
             : "the parameters at the end differ";
}

outcome simulate(const overrides& set, replaying also = replaying::no) {
  const auto rows = catalog::standard();
  const auto what = parse_job(base_job, "the test", set, rows).value();
  const auto facts = read_data_facts(what, rows).value();
  REQUIRE(check_job(what, facts, rows));
  outcome made;
  made.journals.resize(what.topology.shards);
  simulated_job running({.what = what,
                         .catalog = rows,
                         .facts = facts,
                         .job_text = to_toml(what),
                         .journal = journals_into(made.journals)});
  const auto began = running.now();
  while (!running.is_over() && running.events() < events_max && running.step()) {
  }
  REQUIRE(running.is_over());
  const auto end = running.result();
  REQUIRE(end.outcome == job_outcome::done);
  made.figures = end.figures;
  made.workers = end.workers;
  made.virtual_seconds = std::chrono::duration<double>(running.now() - began).count();
  made.events = running.events();
  made.parameters = assemble_parameters(what, rows, facts, end.parameters.shards);
  audit checks(make_feeder(what, rows, facts, {}));
  for (const auto& each : made.journals)
    for (const auto& entry : each.entries) checks.see(each.head.shard, entry);
  checks.end();
  made.audited = checks.breach();
  if (also == replaying::yes) made.replayed = replay_of(what, rows, facts, made);
  return made;
}

bool is_same(const outcome& a, const outcome& b) {
  bool same = a.figures == b.figures && a.workers == b.workers && a.events == b.events &&
              a.virtual_seconds == b.virtual_seconds && a.parameters == b.parameters;
  for (std::size_t shard = 0; same && shard < a.journals.size(); ++shard)
    same = a.journals[shard].entries == b.journals[shard].entries;
  return same;
}

} // namespace

TEST_CASE("RE-1: a seed determines a simulated job with a hundred workers completely",
          "[sim][simulate]") {
  for (const std::string policy : {"bsp", "ssp:3", "asp"}) {
    const overrides set{"staleness.policy=" + policy};
    const auto first = simulate(set);
    CHECK(is_same(first, simulate(set)));
    CHECK_FALSE(is_same(first, simulate({set[0], "seed=8"})));
    CHECK(first.audited == "");
    CHECK(first.figures.leases.applied == 1000);
    CHECK(first.figures.emulated);
  }
}

TEST_CASE("RE-1 CO-1: workers that share a network keep residuals and loss scales of their own",
          "[sim][simulate]") {
  for (const std::string key : {"codec.push=topk:0.2 | int8", "codec.push=int8",
                                "precision.compute=f16", "codec.pull=int8"}) {
    CAPTURE(key);
    CHECK(simulate({key, "topology.workers=10"}, replaying::yes).replayed == "");
  }
}

TEST_CASE("RE-1: simulated jobs of every policy replay to the same bits", "[sim][simulate]") {
  for (const std::string policy : {"bsp", "ssp:0", "ssp:3", "asp"}) {
    CAPTURE(policy);
    CHECK(simulate({"staleness.policy=" + policy}, replaying::yes).replayed == "");
  }
}

TEST_CASE("CL-2: the bound of the policy holds among a hundred workers", "[sim][simulate]") {
  for (const std::uint64_t bound : {0, 1, 3}) {
    const auto found = simulate({"staleness.policy=ssp:" + std::to_string(bound),
                                 "simulation.spread=0.5", "simulation.jitter=0.5"});
    CHECK(found.figures.lag_max <= bound);
  }
}

TEST_CASE("among workers of different speed bsp takes longer than ssp, and that than asp",
          "[sim][simulate]") {
  const auto seconds_of = [](const std::string& policy) {
    return simulate({"staleness.policy=" + policy, "simulation.spread=0.6", "simulation.jitter=0.6",
                     "topology.workers=20"})
        .figures.train_seconds;
  };
  const auto bsp = seconds_of("bsp"), ssp = seconds_of("ssp:3"), asp = seconds_of("asp");
  CHECK(bsp > 1.1 * ssp);
  CHECK(ssp > 1.1 * asp);
}

TEST_CASE("fast workers do more steps under asp, and wait under bsp", "[sim][simulate]") {
  const auto of = [](const std::string& policy) {
    return simulate({"staleness.policy=" + policy, "simulation.spread=0.8", "topology.workers=10"});
  };
  const auto range = [](const outcome& found) {
    const auto [least, most] =
        std::ranges::minmax(found.workers, {}, [](const worker_share& x) { return x.steps; });
    return static_cast<double>(most.steps) / static_cast<double>(least.steps);
  };
  const auto bsp = of("bsp"), asp = of("asp");
  CHECK(range(bsp) == Approx(1).epsilon(0.05));
  CHECK(range(asp) > 2);
  CHECK(*bsp.figures.wait_share > 0.3);
  CHECK(*asp.figures.wait_share < 0.1);
}

TEST_CASE("a slow worker with fewer local steps pushes as often as the fast one",
          "[sim][simulate][dynamic]") {
  const auto of = [](const std::string& dynamic) {
    return simulate({"topology.workers=2", "staleness.policy=asp", "staleness.local_steps=8",
                     "staleness.outer=diloco", "simulation.spread=0", "simulation.jitter=0",
                     "chaos.slow=[\"worker-1:4x\"]", "staleness.dynamic_steps=" + dynamic},
                    replaying::yes);
  };
  const auto ratio = [](const outcome& found) {
    return static_cast<double>(found.workers[0].steps) /
           static_cast<double>(found.workers[1].steps);
  };
  const auto alike = of("false"), dynamic = of("true");
  CHECK(ratio(alike) == Approx(4).epsilon(0.2));
  CHECK(ratio(dynamic) == Approx(1).epsilon(0.15));
  CHECK(dynamic.workers[0].samples > 3 * dynamic.workers[1].samples); // nobody waits for it
  CHECK(dynamic.figures.leases.applied > alike.figures.leases.applied);
  for (const auto* each : {&alike, &dynamic}) {
    CHECK(each->audited == "");
    CHECK(each->replayed == "");
  }
}

TEST_CASE("under a bound a slow worker with fewer local steps holds nobody back",
          "[sim][simulate][dynamic]") {
  const auto of = [](const std::string& dynamic) {
    return simulate({"topology.workers=4", "staleness.policy=ssp:1", "staleness.local_steps=8",
                     "chaos.slow=[\"worker-1:4x\"]", "staleness.dynamic_steps=" + dynamic});
  };
  CHECK(of("true").figures.train_seconds < 0.7 * of("false").figures.train_seconds);
}

TEST_CASE("a job takes the time of its steps, its latency and its bandwidth", "[sim][simulate]") {
  const overrides even{"simulation.spread=0",      "simulation.jitter=0",  "topology.workers=10",
                       "staleness.policy=bsp",     "simulation.step=10ms", "simulation.latency=0us",
                       "simulation.bandwidth=none"};
  const auto with = [&](const std::string& key) {
    auto set = even;
    set.push_back(key);
    return simulate(set).figures.train_seconds;
  };
  CHECK(with("simulation.step=10ms") == Approx(0.99).epsilon(0.001)); // 100 rounds, less the first
  CHECK(with("simulation.step=20ms") == Approx(1.98).epsilon(0.001));
  // The last push of a round has to come, and then the parameters that waited for it.
  CHECK(with("simulation.latency=10ms") == Approx(0.99 + 99 * 0.02).epsilon(0.01));
  CHECK(with("simulation.bandwidth=1Mbit") > with("simulation.bandwidth=10Mbit"));
}

TEST_CASE("RE-1: a job whose rate is far too high under asp says so, alike each time; a sane one "
          "says nothing",
          "[sim][simulate][diagnosis]") {
  const auto with = [](const std::string& rate) {
    return simulate({"staleness.policy=asp", "topology.workers=20", "data.epochs=5",
                     "model.name=mlp", "optimizer.rate=" + rate})
        .figures.advice;
  };
  const auto said = with("0.1");
  REQUIRE_FALSE(said.empty());
  CHECK(said.front().find("--set optimizer.rate=") != std::string::npos);
  CHECK(said == with("0.1"));
  CHECK(with("0.002").empty());
}

TEST_CASE("injected failures kill workers at moments of the seed, and nothing is lost",
          "[sim][simulate]") {
  const overrides often{"chaos.failures=every 20ms", "restart.intensity=100",
                        "staleness.policy=ssp:3"};
  const auto first = simulate(often, replaying::yes);
  CHECK(first.figures.restarts.worker > 0);
  CHECK(first.figures.leases.applied == first.figures.leases.issued);
  CHECK(first.figures.emulated);
  CHECK(first.audited == "");
  CHECK(first.replayed == "");
  const auto second = simulate(often);
  CHECK(second.parameters == first.parameters);
  CHECK(second.figures.restarts == first.figures.restarts);
  CHECK(simulate({"staleness.policy=ssp:3"}).figures.restarts.worker == 0);
}
