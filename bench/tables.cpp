// How fast the rows of large tables come and go: ten million rows of 16 numbers, touched by Zipf's
// law. A shard beside a bare loop over the same rows in one thread, with no message; and a whole
// job of 2 workers and 2 shards in processes of their own beside all of its arithmetic in one
// thread. Run as: bench_tables [--quick]
#include "apps/lagrange.hpp"
#include "bench/tables/rows.hpp"
#include "ops/devices.hpp"
#include "runtime/files.hpp"
#include "runtime/summary.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>

namespace {

using namespace lagrange;
using namespace lagrange::bench;

constexpr double shard_goal = 0.5, job_goal = 0.5;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Whether the goal is met.
bool print(const char* name, double ours, double bare, double goal) {
  const bool is_met = ours / bare >= goal;
  std::printf("%-8s %12.0f %12.0f   %5.2f   %4.2f %s\n", name, ours, bare, ours / bare, goal,
              is_met ? "" : "!");
  std::fflush(stdout);
  return is_met;
}

double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

/// Rows that one shard sends and steps a second, frames included.
bool compare_shard(const table_bench& set, int turns) {
  shard_loop ours(set);
  bare_loop bare(set, ours.rows());
  std::vector<double> our_rates, bare_rates;
  for (int i = 0; i <= turns; ++i) {
    const double rows = static_cast<double>(ours.row_count());
    const auto mine = rows / seconds_of([&] { ours.run(); });
    const auto theirs = rows / seconds_of([&] { bare.run(); });
    if (i == 0) continue; // pages and caches
    our_rates.push_back(mine);
    bare_rates.push_back(theirs);
  }
  return print("shard", median(our_rates), median(bare_rates), shard_goal);
}

/// The job in processes of its own; they are this program.
runtime::summary run_job(const table_bench& set) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("lagrange-tables-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto file = folder / "summary.json", config = folder / "job.toml";
  const auto text = set.job_text();
  runtime::write_atomically(config, std::as_bytes(std::span(text))).value();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/proc/self/exe", "bench_tables", "run", config.c_str(), "--quiet", "--output",
            folder.c_str(), "--summary", file.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("the job failed");
  const auto content = runtime::read_file(file, 1 << 20).value();
  auto made = runtime::parse_summary(std::string(content.begin(), content.end()), file).value();
  std::filesystem::remove_all(folder);
  return made;
}

/// A row comes as its numbers, and goes as these and its own.
bool compare_job(const table_bench& set) {
  const auto found = run_job(set);
  double pulled = 0, pushed = 0;
  for (const auto& each : found.bytes.tensors) {
    pulled += static_cast<double>(each.pulled) / (4.0 * set.width);
    pushed += static_cast<double>(each.pushed) / (4.0 * (set.width + 1));
  }
  const auto steps = static_cast<double>(found.leases.applied);
  const auto bytes = static_cast<double>(found.bytes.pulled + found.bytes.pushed) / steps;
  const double dense = 2.0 * 4 * set.width * static_cast<double>(set.rows_a + set.rows_b);
  training_loop bare(set);
  const auto bare_seconds = seconds_of([&] { bare.run(); });
  std::printf(
      "         %.0f rows pulled a second, %.0f pushed; a step takes %.0f KB, dense %.0f KB "
      "(1/%.0f)\n",
      pulled / found.train_seconds, pushed / found.train_seconds, bytes / 1e3, dense / 1e3,
      dense / bytes);
  return print("job", pushed / found.train_seconds,
               static_cast<double>(bare.row_count()) / bare_seconds, job_goal);
}

int run(const table_bench& set, int turns) {
  ops::bind_thread(1);
  std::printf("%lld + %lld rows of %lld, batches of %lld pairs and their 5 others; rows/s\n"
              "%-8s %12s %12s   ratio   goal\n",
              static_cast<long long>(set.rows_a), static_cast<long long>(set.rows_b),
              static_cast<long long>(set.width), static_cast<long long>(set.batch), "", "lagrange",
              "bare");
  const int missed = (compare_job(set) ? 0 : 1) + (compare_shard(set, turns) ? 0 : 1);
  if (missed == 0)
    std::printf("tables: every goal met\n");
  else
    std::printf("tables: %d of 2 goals missed\n", missed);
  return missed == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
  const std::string word = count > 1 ? arguments[1] : "";
  if (word == "run" || word == "node")
    return lagrange::main(count, arguments, runtime::catalog::standard());
  table_bench set;
  if (word == "--quick") set.rows_a = 1'000'000, set.rows_b = 100'000, set.samples = 200'000;
  try {
    return run(set, word == "--quick" ? 1 : 5);
  } catch (const std::exception& found) {
    std::fprintf(stderr, "%s\n", found.what());
    return 2;
  }
}
