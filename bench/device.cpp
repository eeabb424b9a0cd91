// A worker's step on the devices of this machine: forward and backward, with parameters and samples
// from the host's memory and gradients back there, in f32 and in bf16; the same on the CPU; and
// PyTorch on the same GPU, which keeps its parameters there, run as it comes and as a CUDA graph.
// Every device row is computed a second time in a context of its own, and has to give the same
// bits. Run as: bench_device [--quick] [--python PROGRAM] [--peers FOLDER] [--threads N] [--turns
// N] [ROW...]
#include "bench/device/steps.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace {

using namespace lagrange;
using namespace lagrange::bench;
using ops::dtype;

struct row {
  const char* name;
  step_size size;
  const char* peer; ///< what torch_device_step.py is told of the model
};

const std::array rows{
    row{"mlp", {"mlp", 64}, "--model mlp --batch 64"},
    row{"lenet", {"lenet", 64}, "--model lenet5 --batch 64"},
    row{"lenet-1024", {"lenet", 1024}, "--model lenet5 --batch 1024"},
    row{"resnet20", {"resnet20", 64}, "--model resnet20 --batch 64"},
    row{"resnet20-512", {"resnet20", 512}, "--model resnet20 --batch 512"},
    row{"gpt", {"gpt", 16, 128}, "--model gpt --batch 16"},
    row{"gpt-25m",
        {"gpt", 32, 256, {{"layers", 8}, {"width", 512}, {"heads", 8}, {"context", 256}}},
        "--model gpt --batch 32 --layers 8 --width 512 --heads 8 --context 256"},
};

struct options {
  std::string python = "python3", peers = "../shared/peers";
  int turns = 5;
  double seconds = 0.4;
  int threads = 1;
  std::vector<std::string> only;
  bool wants(const std::string& name) const {
    return only.empty() || std::ranges::find(only, name) != only.end();
  }
};

struct spread {
  double least = 0, median = 0, most = 0;
};
spread spread_of(std::vector<double> of) {
  std::ranges::sort(of);
  return {of.front(), of[of.size() / 2], of.back()};
}

/// Seconds of a step.
double time_of(device_step& step, double seconds) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  std::chrono::duration<double> passed{};
  int steps = 0;
  for (; passed.count() < seconds; ++steps) {
    step.run(); // comes back when gradients are on the host
    passed = clock::now() - start;
  }
  return passed.count() / steps;
}

spread times_of(const step_size& size, ops::device where, dtype precision, const options& how) {
  device_step step(size, where, precision);
  step.run();
  std::vector<double> all{
      time_of(step, how.seconds)}; // the first warms up, and counts if it is long
  if (all.front() > how.seconds) return spread_of(all);
  all.clear();
  for (int turn = 0; turn < how.turns; ++turn) all.push_back(time_of(step, how.seconds));
  return spread_of(all);
}

/// Whether a context of its own computes the same bits, after other work.
bool same_bits(const step_size& size, ops::device where, dtype precision) {
  device_step step(size, where, precision), again(size, where, precision);
  device_step other({"lenet", 7}, where, precision);
  const float loss = step.run();
  other.run();
  const auto differs = [](const std::vector<float>& a, const std::vector<float>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) != 0;
  };
  for (int turn = 0; turn < 5; ++turn)
    if (again.run() != loss || differs(step.gradient(), again.gradient())) return false;
  return true;
}

void print(const row& which, const std::string& where, dtype precision, const spread& found,
           const std::string& more) {
  std::printf("%-13s %-8s %-5s %9.3f ms (%.3f to %.3f) %11.0f samples/s  %s\n", which.name,
              where.c_str(), std::string(ops::name(precision)).c_str(), 1e3 * found.median,
              1e3 * found.least, 1e3 * found.most,
              static_cast<double>(which.size.batch) / found.median, more.c_str());
  std::fflush(stdout);
}

/// What is printed by the script is its own.
void run_peer(const row& which, const options& how) {
  const auto command = how.python + " bench/device/torch_device_step.py --peers " + how.peers +
                       " --seconds " + std::to_string(how.seconds) + " --turns " +
                       std::to_string(how.turns) + " --name " + which.name + " " + which.peer;
  if (std::system(command.c_str()) != 0)
    std::printf("%-13s PyTorch did not run: %s\n", which.name, command.c_str());
}

int run(const options& how) {
  const auto all = ops::list_devices();
  for (const auto& each : all.devices)
    std::printf("%s: %s\n", to_string(each.where).c_str(), each.description.c_str());
  if (all.devices.size() == 1) {
    std::printf("device: skipped. %s\n", all.cuda_absence.c_str());
    return 0;
  }
  ops::bind_thread(how.threads);
  std::printf("%d turns of %.1f s; the CPU with %d threads\n", how.turns, how.seconds, how.threads);
  int differ = 0;
  for (const auto& each : rows) {
    if (!how.wants(each.name)) continue;
    for (const auto& there : all.devices)
      for (const auto precision : {dtype::f32, dtype::bf16}) {
        const bool is_cpu = there.where.kind == ops::device::kind_type::cpu;
        const bool is_same = is_cpu || same_bits(each.size, there.where, precision);
        differ += is_same ? 0 : 1;
        print(each, to_string(there.where), precision,
              times_of(each.size, there.where, precision, how),
              is_cpu    ? ""
              : is_same ? "same bits"
                        : "OTHER BITS");
      }
    run_peer(each, how);
  }
  std::printf("device: %s\n", differ == 0 ? "every step gives the same bits twice"
                                          : "steps do not give the same bits twice");
  return differ == 0 ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
  options how;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    const auto* next = i + 1 < count ? arguments[i + 1] : nullptr;
    if (word == "--quick")
      how.turns = 1, how.seconds = 0.1;
    else if (word == "--python" && next != nullptr)
      how.python = next, ++i;
    else if (word == "--peers" && next != nullptr)
      how.peers = next, ++i;
    else if (word == "--turns" && next != nullptr)
      how.turns = std::max(1, std::atoi(next)), ++i;
    else if (word == "--threads" && next != nullptr)
      how.threads = std::max(1, std::atoi(next)), ++i;
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
