#include "runtime/remedies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace lagrange::runtime {

namespace {

using texts = std::vector<std::string>;

std::string set(std::string_view key, std::string_view value) {
  return fmt::format("--set {}={}", key, value);
}

/// One digit is as exact as the advice is.
std::string rate_of(double rate) {
  const auto digit = std::pow(10, std::floor(std::log10(rate)));
  return set("optimizer.rate", fmt::format("{:g}", std::round(rate / digit) * digit));
}

/// Staleness beyond twice what workers that are alike have comes from some that are slower, which
/// a tighter bound holds back; below that it comes from their number alone.
bool is_from_lag(const learning_settings& job, staleness_figures found) {
  return found.p99 > 2.0 * job.workers;
}

std::string tighter_policy(const learning_settings& job, staleness_figures found) {
  constexpr std::uint64_t first_bound = 3; // the built-in job's: the others hardly wait
  const auto bound = job.bound.value_or(2 * first_bound);
  if (!is_from_lag(job, found) || bound == 0) return "--policy bsp";
  return fmt::format("--policy ssp:{}", std::min(first_bound, bound / 2));
}

} // namespace

double effective_rate(const learning_settings& job, double staleness) {
  const auto counts = job.weigh ? job.weigh(static_cast<std::uint64_t>(staleness)) : 1;
  return job.rate * (1 + staleness) * counts;
}

texts against_staleness(const learning_settings& job, staleness_figures found) {
  texts made;
  if (!job.has_rounds) made.push_back(tighter_policy(job, found));
  if (!job.weigh) made.push_back(set("staleness.weight", "inverse"));
  if (job.compensation == "none" && !job.is_local && !job.has_tables)
    made.push_back(set("staleness.compensation", "dc:0.04"));
  if (job.is_local && job.local_steps > 1)
    made.push_back(set("staleness.local_steps", std::to_string(job.local_steps / 2)));
  const auto acts_as = effective_rate(job, found.p50);
  if (acts_as > job.rate) made.push_back(rate_of(job.rate * job.rate / acts_as));
  return made;
}

texts against_large_steps(const learning_settings& job, double factor) {
  texts made{rate_of(job.rate * factor)};
  if (job.clip_norm == 0) made.push_back(set("optimizer.clip_norm", "1"));
  if (job.warmup_samples == 0) made.push_back("--set 'optimizer.warmup=1 epoch'");
  return made;
}

texts against_small_steps(const learning_settings& job) {
  return {rate_of(job.rate * 10), rate_of(job.rate / 10)};
}

texts against_overflow(const learning_settings& job) {
  texts made;
  if (job.precision == "f16") made.push_back(set("precision.compute", "bf16"));
  std::ranges::move(against_large_steps(job, 0.1), std::back_inserter(made));
  return made;
}

texts against_waiting(const learning_settings& job, double step_seconds) {
  texts made;
  if (!job.policy.starts_with("quorum") && job.workers > 2) {
    const auto grace = std::clamp(std::round(step_seconds * 1000 / 2), 1.0, 60'000.0);
    made.push_back(fmt::format("--policy quorum:{}:{:.0f}ms", job.workers - 1, grace));
  }
  made.push_back("--policy asp");
  if (!job.is_local && !job.has_tables)
    made.push_back("--policy asp --set staleness.local_steps=8 --set staleness.outer=diloco");
  return made;
}

std::string to_try(const texts& remedies) {
  std::string text;
  for (std::size_t i = 0; i < remedies.size(); ++i)
    text += (i == 0 ? "Try " : i + 1 == remedies.size() ? " or " : ", ") + remedies[i];
  return text.empty() ? text : text + ".";
}

} // namespace lagrange::runtime
