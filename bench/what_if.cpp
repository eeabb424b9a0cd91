// How well `lagrange simulate --from RUN` predicts: one run is recorded, and each setting is both
// simulated from it and run. Workers sleep most of a step, so that two cores are enough for many.
// Run as: bench_what_if [--quick] [SETTING...]. How to read it: bench/README.md.
#include "apps/lagrange.hpp"
#include "bench/what_if/program.hpp"
#include "runtime/percentile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace lagrange;
using words = std::vector<std::string>;

struct setting {
  std::string name;
  words changes; ///< of the recorded job
};
struct recording {
  std::string name;
  words job;
  std::vector<setting> settings;
};

// A step of this small network takes a third of a millisecond: 40 times that is mostly sleep.
const words base{"--set",
                 R"(model.layers=[{type="linear",outputs=64,after="relu"},)"
                 R"({type="linear",outputs=10}])",
                 "--set",
                 "data.batch=64",
                 "--set",
                 "data.epochs=1",
                 "--slow",
                 "worker-*:40x"};

words with(words first, const words& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

const std::vector<recording> recordings{
    {"ssp:3, 4 workers, one of them 3 times slower",
     with(base, {"--set", "staleness.policy=ssp:3", "--set", "topology.workers=4", "--slow",
                 "worker-1:120x"}),
     {{"the same", {}},
      {"bsp", {"--policy", "bsp"}},
      {"ssp:1", {"--policy", "ssp:1"}},
      {"ssp:8", {"--policy", "ssp:8"}},
      {"asp", {"--policy", "asp"}},
      {"dssp:1:8", {"--policy", "dssp:1:8"}},
      {"quorum:3:20ms", {"--policy", "quorum:3:20ms"}},
      {"psp:2", {"--policy", "psp:2"}},
      {"2 workers", {"--workers", "2"}},
      {"6 workers", {"--workers", "6"}},
      {"8 workers, asp", {"--workers", "8", "--policy", "asp"}},
      {"8 workers, bsp", {"--workers", "8", "--policy", "bsp"}},
      {"push int8", {"--set", "codec.push=int8"}},
      {"push topk:0.01|int8", {"--set", "codec.push=topk:0.01 | int8"}},
      {"push bf16, asp", {"--set", "codec.push=bf16", "--policy", "asp"}},
      {"4 shards", {"--shards", "4"}}}},
    {"bsp, 3 workers, varying steps",
     with(base, {"--set", "staleness.policy=bsp", "--set", "topology.workers=3", "--jitter",
                 "lognormal:0.5"}),
     {{"the same", {}},
      {"ssp:2", {"--policy", "ssp:2"}},
      {"asp", {"--policy", "asp"}},
      {"6 workers", {"--workers", "6"}},
      {"quorum:2:10ms", {"--policy", "quorum:2:10ms"}},
      {"asp, push int8", {"--policy", "asp", "--set", "codec.push=int8"}}}},
};

/// What is compared of a run.
struct figures {
  double train_seconds, staleness_p50, staleness_p99, waiting, loss, pushed_bytes;
};

figures figures_of(const runtime::summary& x) {
  return {
      x.train_seconds,          x.staleness.p50.value_or(0), x.staleness.p99.value_or(0),
      x.wait_share.value_or(0), x.test_loss.value_or(0),     static_cast<double>(x.bytes.pushed)};
}

struct span_of {
  double middle, least, most;
};
span_of over(const std::vector<figures>& runs, double figures::*which) {
  std::vector<double> values;
  for (const auto& run : runs) values.push_back(run.*which);
  const auto [least, most] = std::ranges::minmax(values);
  return {*runtime::percentile_of_values(values, 0.5), least, most};
}

// The goals. A loss counts from the range of the real runs, since those of the same differ by some
// percent.
constexpr double time_off_max = 0.10, waiting_off_max = 0.06, loss_off_max = 0.06,
                 bytes_off_max = 0.02;
/// In updates, or as a share of what was measured, whichever is more.
constexpr double staleness_off_max = 1, staleness_share_max = 0.25;

bool is_near(double predicted, double measured, double least) {
  return std::abs(predicted - measured) <= std::max(least, staleness_share_max * measured);
}

class table {
public:
  table(int turns, std::set<std::string> chosen) : turns_(turns), chosen_(std::move(chosen)) {}

  void measure(const recording& of) {
    std::vector<setting> settings;
    for (const auto& each : of.settings)
      if (chosen_.empty() || chosen_.contains(each.name)) settings.push_back(each);
    const auto recorded = runs_.make(with({"run"}, of.job));
    fmt::print("recorded: {}\n{:<20} {:>8} {:>8} {:>15} {:>6} {:>9} {:>9} {:>11} {:>13}\n", of.name,
               "", "time, s", "measured", "of runs", "error", "p50", "p99", "waiting", "test loss");
    std::map<std::string, std::vector<figures>> measured;
    for (int turn = 0; turn < turns_; ++turn)
      for (const auto& each : settings)
        measured[each.name].push_back(
            figures_of(runs_.make(with(with({"run"}, of.job), each.changes)).figures));
    for (const auto& each : settings) {
      const auto predicted =
          runs_.make(with({"simulate", "--from", recorded.folder.string()}, each.changes));
      print(each.name, figures_of(predicted.figures), measured[each.name]);
    }
  }

  int missed() const { return missed_; }
  int all() const { return static_cast<int>(errors_.size()); }
  double median_error() const { return *runtime::percentile_of_values(errors_, 0.5); }

private:
  void print(const std::string& name, const figures& at, const std::vector<figures>& runs) {
    const auto time = over(runs, &figures::train_seconds);
    const auto p50 = over(runs, &figures::staleness_p50).middle;
    const auto p99 = over(runs, &figures::staleness_p99).middle;
    const auto waiting = over(runs, &figures::waiting).middle;
    const auto loss = over(runs, &figures::loss);
    const auto bytes = at.pushed_bytes / over(runs, &figures::pushed_bytes).middle - 1;
    const auto error = at.train_seconds / time.middle - 1;
    const auto mark = [this](bool is_met) { return missed_here_ |= !is_met, is_met ? " " : "!"; };
    missed_here_ = false;
    fmt::print("{:<20} {:>8.2f} {:>8.2f} {:>15} {:>+5.0f}%{}{:>8}{}{:>8}{}{:>11}{}{:>12}{}{}\n",
               name, at.train_seconds, time.middle,
               fmt::format("{:.2f} to {:.2f}", time.least, time.most), error * 100,
               mark(std::abs(error) <= time_off_max),
               fmt::format("{:g}, {:g}", at.staleness_p50, p50),
               mark(is_near(at.staleness_p50, p50, staleness_off_max)),
               fmt::format("{:g}, {:g}", at.staleness_p99, p99),
               mark(is_near(at.staleness_p99, p99, staleness_off_max)),
               fmt::format("{:.0f}, {:.0f} %", at.waiting * 100, waiting * 100),
               mark(std::abs(at.waiting - waiting) <= waiting_off_max),
               fmt::format("{:.3f}, {:.3f}", at.loss, loss.middle),
               mark(at.loss >= loss.least * (1 - loss_off_max) &&
                    at.loss <= loss.most * (1 + loss_off_max)),
               std::abs(bytes) <= bytes_off_max ? "" : fmt::format(" bytes {:+.0f}%", bytes * 100));
    std::fflush(stdout);
    missed_here_ |= std::abs(bytes) > bytes_off_max;
    errors_.push_back(std::abs(error));
    missed_ += missed_here_ ? 1 : 0;
  }

  bench::runs_folder runs_;
  int turns_;
  std::set<std::string> chosen_; ///< settings; empty: all
  std::vector<double> errors_;
  int missed_ = 0;
  bool missed_here_ = false;
};

int measure_all(std::span<char* const> arguments) {
  std::set<std::string> chosen(arguments.begin() + 1, arguments.end());
  const bool is_quick = chosen.erase("--quick") > 0;
  table all(is_quick ? 1 : 3, std::move(chosen));
  fmt::print("predicted, and the median of what real runs measured\n");
  for (const auto& each : recordings) all.measure(each);
  if (all.all() == 0) {
    fmt::print(stderr, "no setting of that name\n");
    return 2;
  }
  fmt::print("what_if: {} of {} settings off in some figure; error of the time {:.1f} % at the "
             "median\n",
             all.missed(), all.all(), all.median_error() * 100);
  return all.missed() == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
  const std::span<char* const> given(arguments, static_cast<std::size_t>(count));
  if (bench::is_verb(given)) return lagrange::main(count, arguments, runtime::catalog::standard());
  try {
    return measure_all(given);
  } catch (const std::exception& found) {
    fmt::print(stderr, "{}\n", found.what());
    return 2;
  }
}
