// How large a job can be simulated: a thousand workers with a network on real images, and ten
// thousand with a small convex problem. Each is one thread's work, so its goals are processor
// seconds and memory. Run as: bench_simulate [--quick].
#include "actors/simulation/simulated_job.hpp"
#include "runtime/audit.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace lagrange;
using namespace lagrange::runtime;

struct scale {
  const char* name;
  std::vector<std::string> set;
  std::string quick; ///< fewer steps
  double seconds_max;
};

const std::vector<scale> scales{
    {"1,000 workers, ssp:3, mlp",
     {"model.name=mlp", "data.batch=16", "data.epochs=20", "optimizer.name=sgd",
      "optimizer.rate=0.0005", "staleness.policy=ssp:3", "topology.workers=1000"},
     "data.epochs=1",
     300},
    {"1,000 workers, asp, mlp",
     {"model.name=mlp", "data.batch=16", "data.epochs=20", "optimizer.name=sgd",
      "optimizer.rate=0.0005", "staleness.policy=asp", "topology.workers=1000"},
     "data.epochs=1",
     300},
    {"10,000 workers, ssp:3, softmax",
     {"data.format=synthetic", "data.path=blobs:100000:16:8", "model.name=softmax", "data.batch=4",
      "data.epochs=10", "optimizer.name=sgd", "optimizer.rate=0.001", "staleness.policy=ssp:3",
      "topology.workers=10000"},
     "data.epochs=1",
     300},
};
constexpr double memory_max = 8e9;

struct usage {
  double seconds;
  double bytes;
};

usage used() {
  rusage found{};
  getrusage(RUSAGE_SELF, &found);
  const auto seconds = [](const timeval& x) {
    return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) * 1e-6;
  };
  return {seconds(found.ru_utime) + seconds(found.ru_stime),
          static_cast<double>(found.ru_maxrss) * 1024};
}

bool measure(const scale& at, const std::string& more) {
  const auto rows = catalog::standard();
  auto set = at.set;
  if (!more.empty()) set.push_back(more);
  const auto what = parse_job("", "the benchmark", set, rows).value();
  const auto facts = read_data_facts(what, rows).value();
  const auto before = used();
  audit checks(make_feeder(what, rows, facts, {}));
  actors::simulation::simulated_job running(
      {.what = what,
       .catalog = rows,
       .facts = facts,
       .job_text = to_toml(what),
       .journal = [&](const journal_header&) -> result<journal_sink> {
         return journal_sink([&](shard_id shard, std::span<const journal_entry> entries) {
           for (const auto& entry : entries) checks.see(shard, entry);
           return result<void>(success());
         });
       }});
  while (!running.is_over() && running.step()) {
  }
  checks.end();
  const auto end = running.result();
  const auto after = used();
  const auto seconds = after.seconds - before.seconds;
  const auto steps = static_cast<double>(end.figures.leases.applied);
  const bool is_sound = end.outcome == job_outcome::done && checks.breach().empty();
  std::printf("%-31s %8.0f %9.0f %8.0f %8.0f %9.2f %5.1f%s\n", at.name, steps,
              static_cast<double>(running.events()) / seconds, steps / seconds, seconds,
              end.figures.train_seconds, after.bytes / 1e9, is_sound ? "" : "  not audited clean");
  std::fflush(stdout);
  return is_sound && seconds <= at.seconds_max && after.bytes <= memory_max;
}

} // namespace

int main(int count, char** arguments) {
  const bool is_quick = count > 1 && std::string(arguments[1]) == "--quick";
  std::printf("%-31s %8s %9s %8s %8s %9s %5s\n", "", "steps", "events/s", "steps/s", "cpu s",
              "virtual s", "GB");
  std::fflush(stdout);
  int missed = 0;
  try {
    for (const auto& each : scales) missed += measure(each, is_quick ? each.quick : "") ? 0 : 1;
  } catch (const std::exception& found) {
    std::fprintf(stderr, "%s\n", found.what());
    return 2;
  }
  if (missed == 0)
    std::printf("simulate: every goal met\n");
  else
    std::printf("simulate: %d of %zu goals missed\n", missed, scales.size());
  return missed == 0 ? 0 : 1;
}
