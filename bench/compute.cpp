// How fast one worker computes, beside PyTorch on the same work: forward, backward and the
// optimizer's step on one thread, the two sides in turns in one go; large products beside oneDNN
// called bare; the memory that the process holds; and steps in bf16 beside f32.
// Run as: bench_compute [--quick] [--peers FOLDER] [ROW...]
#include "bench/compute/peer.hpp"
#include "bench/compute/steps.hpp"
#include "ops/devices.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace lagrange;
using namespace lagrange::bench;

struct row {
  const char* name;
  const char* model;
  std::int64_t batch;
  std::vector<std::string> peer;
  double goal; ///< ours over PyTorch's samples/s
};

const std::array rows{
    row{"mlp", "mlp", 64, {"--model", "mlp"}, 2.0},
    row{"mlp-1", "mlp", 1, {"--model", "mlp", "--batch", "1"}, 4.0},
    row{"lenet", "lenet", 64, {"--model", "lenet5"}, 1.5},
    row{"resnet20", "resnet20", 64, {"--model", "resnet20", "--channels-last"}, 1.1},
    row{"gpt", "gpt", 16, {"--model", "gpt"}, 1.1},
};
constexpr double product_goal = 0.9;
constexpr double memory_goal = 0.1;
constexpr double half_goal = 1.0;

struct options {
  std::string peers = "../shared/peers";
  int turns = 5;
  double seconds = 1;
  std::vector<std::string> only;
  bool wants(const std::string& name) const {
    return only.empty() || std::ranges::find(only, name) != only.end();
  }
};

double rate(const std::function<void()>& step, std::int64_t batch, double seconds) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  std::chrono::duration<double> passed{};
  std::int64_t samples = 0;
  while (passed.count() < seconds) {
    step();
    samples += batch;
    passed = clock::now() - start;
  }
  return static_cast<double>(samples) / passed.count();
}

struct spread {
  double least, median, most;
};
spread spread_of(std::vector<double> of) {
  std::ranges::sort(of);
  return {of.front(), of[of.size() / 2], of.back()};
}

/// Whether the goal is met.
bool print(const std::string& name, const std::vector<double>& ours,
           const std::vector<double>& theirs, double goal) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
  const auto ratio = spread_of(ratios);
  const bool is_met = ratio.median >= goal;
  std::printf("%-12s %11.1f %11.1f   %5.2f  (%.2f to %.2f)  %4.2f %s\n", name.c_str(),
              spread_of(ours).median, spread_of(theirs).median, ratio.median, ratio.least,
              ratio.most, goal, is_met ? "" : "!");
  std::fflush(stdout);
  return is_met;
}

bool compare_step(const row& which, const options& how) {
  const auto step = training_step(which.model, which.batch);
  step(), step();
  std::vector<double> ours, theirs;
  for (int i = 0; i < how.turns; ++i) {
    ours.push_back(rate(step, which.batch, how.seconds));
    theirs.push_back(run_torch(how.peers, which.peer, how.seconds).samples_per_second);
  }
  return print(which.name, ours, theirs, which.goal);
}

bool compare_products(std::int64_t size, const options& how) {
  const auto ours = our_product(size), bare = bare_product(size);
  ours(), bare();
  std::vector<double> our_rates, bare_rates;
  for (int i = 0; i < how.turns; ++i) {
    our_rates.push_back(rate(ours, 1, how.seconds / 4));
    bare_rates.push_back(rate(bare, 1, how.seconds / 4));
  }
  return print("product " + std::to_string(size), our_rates, bare_rates, product_goal);
}

// Rates of the same work in bf16 and in f32, beside each other.
bool compare_half(const std::string& name, const std::function<void()>& half,
                  const std::function<void()>& full, const options& how, double goal) {
  half(), full();
  std::vector<double> half_rates, full_rates;
  for (int i = 0; i < how.turns; ++i) {
    half_rates.push_back(rate(half, 1, how.seconds));
    full_rates.push_back(rate(full, 1, how.seconds));
  }
  return print(name, half_rates, full_rates, goal);
}

// As jobs compute; and, where the CPU has 16-bit products that are not used, with these.
template <class Count>
void compare_halves(const options& how, const Count& count) {
  using enum ops::half_products;
  using ops::dtype;
  const auto compare = [&](const std::string& kind, ops::half_products which, double goal) {
    count(compare_half(kind + " linear", linear_step(1024, dtype::bf16, which),
                       linear_step(1024, dtype::f32), how, goal));
    count(compare_half(kind + " gpt", training_step("gpt", 16, dtype::bf16, which),
                       training_step("gpt", 16), how, goal));
  };
  const bool has_faster = has_half_products(faster);
  std::printf("steps/s in bf16, beside f32%s\n",
              has_faster ? "" : "; without a goal, this CPU has no AMX");
  compare("bf16", faster, has_faster ? half_goal : 0);
  if (!has_faster && has_half_products(all)) compare("AVX-512", all, 0);
}

bool compare_memory(const options& how) {
  std::string printed;
  run_process({"/proc/self/exe", "--worker"}, printed);
  const double ours = std::strtod(printed.c_str(), nullptr);
  const double theirs = run_torch(how.peers, rows[0].peer, 0.2).resident_bytes;
  const bool is_met = ours <= memory_goal * theirs;
  std::printf("%-12s %8.0f MB %8.0f MB   %5.3f                   %4.2f %s\n", "memory, mlp",
              ours / 1e6, theirs / 1e6, ours / theirs, memory_goal, is_met ? "" : "!");
  return is_met;
}

/// The most memory that this process has held. Not getrusage(): that counts from before exec.
double resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024;
  return 0;
}

int run(const options& how) {
  ops::bind_thread(1);
  std::printf("one thread, %d turns of %.1f s each side; samples/s of a training step\n%-12s %11s "
              "%11s   ratio  (spread)         goal\n",
              how.turns, how.seconds, "", "lagrange", "PyTorch");
  int missed = 0, all = 0;
  const auto count = [&](bool is_met) { missed += is_met ? 0 : 1, ++all; };
  for (const auto& each : rows)
    if (how.wants(each.name)) count(compare_step(each, how));
  if (how.wants("memory")) count(compare_memory(how));
  if (how.wants("products")) {
    std::printf("products/s, beside oneDNN called bare\n");
    for (std::int64_t size : {1024, 2048}) count(compare_products(size, how));
  }
  if (how.wants("bf16")) compare_halves(how, count);
  if (missed == 0)
    std::printf("compute: every goal met\n");
  else
    std::printf("compute: %d of %d goals missed\n", missed, all);
  return missed == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
  options how;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    if (word == "--worker") {
      ops::bind_thread(1);
      const auto step = training_step(rows[0].model, rows[0].batch);
      for (int steps = 0; steps < 100; ++steps) step();
      std::printf("%.0f\n", resident_bytes());
      return 0;
    }
    if (word == "--quick")
      how.turns = 1, how.seconds = 0.2;
    else if (word == "--peers" && i + 1 < count)
      how.peers = arguments[++i];
    else
      how.only.push_back(word);
  }
  try {
    return run(how);
  } catch (const std::exception& found) {
    std::fprintf(stderr, "%s\n", found.what());
    return 2;
  }
}
