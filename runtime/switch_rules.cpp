#include "runtime/switch_rules.hpp"

#include "ops/contract.hpp"
#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace lagrange::runtime {

namespace {

/// A sixteenth of an epoch shows a trend, and a few dozen steps show through the noise of batches.
constexpr std::uint64_t windows_per_epoch = 16;
constexpr std::uint64_t window_steps_min = 32;
/// A loss that has grown a thousandfold has long been lost.
constexpr double rise_percent_max = 100'000;

result<switch_trigger> read_at(std::string_view text) {
  constexpr std::string_view first = "epoch ", last = " samples";
  std::string span(text);
  if (text.starts_with(first)) span = std::string(text.substr(first.size())) + " epochs";
  if (text.ends_with(last)) span = std::string(text.substr(0, text.size() - last.size()));
  auto parsed = parse_training_span(span, "at");
  if (!parsed)
    return failure(errc::bad_argument,
                   fmt::format("at = \"{}\", expected a moment of training, as in \"epoch 1\" or "
                               "\"20000 samples\"",
                               text));
  return switch_trigger{parsed.value(), 0};
}

result<switch_trigger> read_when(std::string_view text) {
  constexpr std::string_view first = "loss rises ", last = "%";
  if (text.starts_with(first) && text.ends_with(last) && text.size() > first.size()) {
    const auto number = text.substr(first.size(), text.size() - first.size() - last.size());
    const auto percent = parse_number(number, "when", 1, rise_percent_max);
    if (percent) return switch_trigger{std::nullopt, percent.value() / 100};
  }
  return failure(errc::bad_argument,
                 fmt::format("when = \"{}\", expected \"loss rises N%\" with N from 1 to {:.0f}: "
                             "above its best",
                             text, rise_percent_max));
}

} // namespace

result<switch_trigger> make_trigger(const switch_rule& rule) {
  if (rule.at.empty() == rule.when.empty())
    return failure(errc::bad_argument,
                   "expected either at (as in \"epoch 1\") or when (as in \"loss rises 20%\")");
  return rule.when.empty() ? read_at(rule.at) : read_when(rule.when);
}

void loss_trend::add(const worker_report& report) {
  if (!std::isfinite(report.loss) || report.loss_steps <= 0) return;
  open_.add(report.loss, report.loss_steps);
  if (open_.steps() < window_) return;
  last_ = std::exchange(open_, {}).mean();
  best_ = std::min(best_.value_or(*last_), *last_);
}

double loss_trend::rise() const {
  if (!best_ || *best_ <= 0) return 0; // no share of it
  return *last_ / *best_ - 1;
}

switch_watch::switch_watch(switch_watch_options options)
    : epoch_samples_(options.epoch_samples),
      trend_(std::max(window_steps_min, options.epoch_steps / windows_per_epoch)) {
  for (auto& rule : options.rules) {
    auto trigger = make_trigger(rule);
    LAGRANGE_EXPECT(trigger.has_value(), "a rule that is none");
    waiting_.push_back({trigger.value(), std::move(rule.to)});
  }
}

std::vector<std::string> switch_watch::take_due(std::uint64_t samples) {
  std::vector<std::string> due;
  std::erase_if(waiting_, [&](waiting_rule& rule) {
    const auto& [at, rise] = rule.trigger;
    const bool is_due = at ? samples >= at->samples(epoch_samples_) : trend_.rise() >= rise;
    if (is_due) due.push_back(std::move(rule.to));
    return is_due;
  });
  return due;
}

} // namespace lagrange::runtime
