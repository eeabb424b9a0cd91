// What a checkpoint costs: a shard's step loop while its state is captured, and a core while a part
// is written and read. Parameters and moments as training leaves them, in that they differ in all
// bits of their fractions. Run as: bench_checkpoint [--quick]
#include "runtime/checkpoint_part.hpp"
#include "runtime/conformance/twin_parts.hpp"
#include "runtime/files.hpp"
#include "runtime/shard.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <functional>
#include <random>

namespace {

using namespace lagrange;
using namespace lagrange::runtime;

/// Of the rate of a bare copy or hash of as many bytes.
constexpr double capture_goal = 0.15, write_goal = 0.15, read_goal = 0.15;

/// Of a processor, the kernel's part included: what waits for the disk or for others is not in it.
double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = processor_seconds();
  work();
  return processor_seconds() - start;
}

double median_of(int turns, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < turns; ++i) times.push_back(seconds_of(work));
  std::ranges::sort(times);
  return times[times.size() / 2];
}

bool print(const char* name, double bytes, double ours, double bare, double goal) {
  const bool is_met = bare / ours >= goal;
  std::printf("%-22s %8.0f ms %8.0f MB/s   bare %8.0f MB/s   %5.2f   %4.2f %s\n", name, ours * 1e3,
              bytes / ours / 1e6, bytes / bare / 1e6, bare / ours, goal, is_met ? "" : "!");
  return is_met;
}

/// A shard under adam after a few steps.
shard make_shard(std::size_t elements) {
  std::mt19937 draw(1);
  std::normal_distribution<float> normal(0, 0.05F);
  shard_options made;
  made.self = stamp_of(actor_role::shard);
  made.policy = make_policy(policies(), "asp").value();
  made.parameters.values.resize(elements);
  for (auto& x : made.parameters.values) x = normal(draw);
  made.parameters.optimizer = ops::make_adam(elements, {});
  shard twin(std::move(made));
  for (std::uint64_t step = 0; step < 3; ++step) {
    auto push = std::make_shared<gradient_push>();
    push->from = worker_stamp(0);
    push->clock = {step};
    push->what.id = {step};
    push->what.attempt = {1};
    push->samples = 1;
    push->gradient = ops::tensor(ops::dtype::f32, {static_cast<std::int64_t>(elements)});
    for (auto& x : push->gradient.values<float>()) x = normal(draw);
    twin.on_push(std::move(push), {step}, {});
  }
  return twin;
}

bool run(std::size_t elements, int turns) {
  auto twin = make_shard(elements);
  const auto bytes = static_cast<double>(elements * sizeof(float) * 3);
  std::vector<float> from(elements * 3, 1.5F), to(elements * 3);
  const auto copy = median_of(turns, [&] { std::ranges::copy(from, to.begin()); });
  const auto hash = median_of(turns, [&] { sha256(std::as_bytes(std::span(from))); });
  auto state = twin.capture({1});
  bool is_met = print("capture, pages new", bytes,
                      median_of(turns, [&] { state = twin.capture({1}); }), copy, capture_goal);
  const auto path = std::filesystem::temp_directory_path() /
                    ("lagrange-bench-" + std::to_string(::getpid()) + ".part");
  const auto disk = local_files();
  file_facts facts;
  const auto write = [&](const byte_sink& sink) { facts = write_part(*state, sink).value(); };
  const byte_sink nowhere = [](std::span<const std::byte>) -> result<void> { return success(); };
  is_met &=
      print("write to nowhere", bytes, median_of(turns, [&] { write(nowhere); }), hash, write_goal);
  const auto to_disk = [&] {
    write_atomically(*disk, path, [&](written_file& file) -> result<void> {
      write([&](std::span<const std::byte> piece) { return file.write(piece); });
      return success();
    }).value();
  };
  is_met &= print("write, synced", bytes, median_of(turns, to_disk), hash, write_goal);
  const auto read = [&] { read_shard_part(*disk->open(path).value(), path.string()).value(); };
  is_met &= print("read", bytes, median_of(turns, read), hash, read_goal);
  std::filesystem::remove(path);
  std::printf("%.0f MB of parameters and moments are a part of %.0f MB: %.2f\n", bytes / 1e6,
              static_cast<double>(facts.bytes) / 1e6, static_cast<double>(facts.bytes) / bytes);
  return is_met;
}

} // namespace

int main(int argc, char** argv) try {
  const bool is_quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
  const bool is_met = run(is_quick ? 1 << 18 : 25'000'000, is_quick ? 1 : 5);
  std::printf("%s\n", is_met ? "every goal is met" : "a goal is missed");
  return is_met || is_quick ? 0 : 1;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "%s\n", problem.what());
  return 1;
}
