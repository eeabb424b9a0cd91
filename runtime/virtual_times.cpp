#include "runtime/virtual_times.hpp"

#include "ops/contract.hpp"
#include "ops/random.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

namespace {

// Streams of random numbers; a worker's steps have one for each worker behind these.
constexpr std::uint64_t means_stream = 0x6d65616e73; // "means"
constexpr std::uint64_t steps_stream = 0x7374657073; // "steps"

/// Sum of twelve uniform numbers, less six.
double draw_normal(const ops::random_sequence& numbers, std::uint64_t index) {
  double sum = -6;
  for (std::uint64_t part = 0; part < 12; ++part)
    sum += static_cast<double>(numbers.unit(index * 12 + part));
  return sum;
}

/// The exponential function, of which libraries differ in the last bits. For x from -20 to 20.
double exponential(double x) {
  constexpr int halvings = 10;
  const double part = x / (1 << halvings);
  double value = 1 + part * (1 + part / 2 * (1 + part / 3 * (1 + part / 4)));
  for (int i = 0; i < halvings; ++i) value *= value;
  return value;
}

/// A histogram as so many times that are equally frequent.
constexpr int parts = 1024;

template <class Use>
void for_each_part(const time_histogram& x, const Use& use) {
  for (int part = 0; part < parts; ++part) use(x.at((part + 0.5) / parts));
}

struct moments {
  double mean, deviation;
};

moments logarithms_of(const time_histogram& x) {
  double sum = 0, squares = 0;
  for_each_part(x, [&](double time) {
    sum += std::log(time);
    squares += std::log(time) * std::log(time);
  });
  const auto mean = sum / parts;
  return {mean, std::sqrt(std::max(0.0, squares / parts - mean * mean))};
}

} // namespace

double draw_lognormal(double sigma, std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  if (sigma <= 0) return 1;
  const ops::random_sequence numbers(seed, stream);
  return exponential(sigma * draw_normal(numbers, index) - sigma * sigma / 2);
}

std::chrono::nanoseconds step_times::of(worker_id worker, worker_clock clock) const {
  const auto stretch = draw_lognormal(spread, seed, means_stream, worker.value) *
                       draw_lognormal(jitter, seed, steps_stream + worker.value, clock.value);
  const auto drawn = static_cast<double>(mean.count()) * stretch;
  return std::max(std::chrono::nanoseconds(1),
                  std::chrono::nanoseconds(static_cast<std::int64_t>(drawn)));
}

double recorded_step_times::times::stretched(double time) const {
  return power == 1 ? time / centre : std::pow(time / centre, power);
}

recorded_step_times::recorded_step_times(std::span<const worker_share> workers, std::uint64_t seed,
                                         double injected)
    : seed_(seed) {
  for (const auto& each : workers) {
    if (each.steps == 0 || each.step_times.count() == 0) continue;
    times own{each.step_times, 1, 1, 1};
    if (injected > 0) {
      const auto [mean, deviation] = logarithms_of(own.steps);
      own.centre = std::exp(mean);
      own.power =
          deviation > injected ? std::sqrt(1 - injected * injected / (deviation * deviation)) : 0;
    }
    double sum = 0;
    for_each_part(own.steps, [&](double time) { sum += own.stretched(time); });
    own.scale = step_mean(each) * 1e9 * parts / sum;
    workers_.push_back(std::move(own));
  }
  LAGRANGE_EXPECT(!workers_.empty(), "no worker took a step");
}

std::chrono::nanoseconds recorded_step_times::of(worker_id worker, worker_clock clock,
                                                 std::chrono::nanoseconds more) const {
  constexpr double least_share = 0.125;
  const auto& own = workers_[worker.value % workers_.size()];
  const ops::random_sequence numbers(seed_, steps_stream + worker.value);
  const auto drawn =
      own.scale * own.stretched(own.steps.at(static_cast<double>(numbers.unit(clock.value))));
  const auto time = std::max(drawn + static_cast<double>(more.count()), drawn * least_share);
  return std::max(std::chrono::nanoseconds(1),
                  std::chrono::nanoseconds(static_cast<std::int64_t>(time)));
}

std::chrono::nanoseconds link_times::busy(std::uint64_t bytes) const {
  if (bits_per_second == 0) return std::chrono::nanoseconds(0);
  const auto seconds = static_cast<double>(bytes) * 8 / static_cast<double>(bits_per_second);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

step_times make_step_times(const job& x) {
  return {x.simulation.step, static_cast<double>(x.simulation.spread),
          static_cast<double>(x.simulation.jitter), x.seed};
}

link_times make_link_times(const job& x) {
  return {std::chrono::nanoseconds(x.simulation.latency) / 2, x.simulation.bandwidth};
}

} // namespace lagrange::runtime
