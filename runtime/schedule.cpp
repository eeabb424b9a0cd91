#include "runtime/schedule.hpp"

#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

namespace lagrange::runtime {

namespace {

using arguments = std::span<const std::string_view>;

/// Far above any job, and safe from overflow when multiplied by the samples of an epoch.
constexpr std::uint64_t span_max = 1'000'000'000'000;
constexpr std::uint64_t epochs_max = 1'000'000;

class constant final : public rate_schedule {
public:
  double factor(std::uint64_t) const override { return 1; }
};

class step final : public rate_schedule {
public:
  step(std::uint64_t every, double times) : every_(every), times_(times) {}
  double factor(std::uint64_t samples) const override {
    return std::pow(times_, static_cast<double>(samples / every_));
  }

private:
  std::uint64_t every_;
  double times_;
};

class cosine final : public rate_schedule {
public:
  cosine(std::uint64_t samples, double last) : samples_(samples), last_(last) {}
  double factor(std::uint64_t samples) const override {
    const double way =
        static_cast<double>(std::min(samples, samples_)) / static_cast<double>(samples_);
    return last_ + (1 - last_) * (1 + std::cos(std::numbers::pi * way)) / 2;
  }

private:
  std::uint64_t samples_;
  double last_;
};

/// At least one sample.
result<std::uint64_t> parse_samples(std::string_view text, std::string_view what,
                                    std::uint64_t epoch_samples) {
  BOOST_OUTCOME_TRY(length, parse_training_span(text, what));
  if (length.number == 0)
    return failure(errc::bad_argument, fmt::format("{} is 0, expected 1 or more", what));
  return length.samples(std::max<std::uint64_t>(epoch_samples, 1));
}

using made_schedule = result<std::unique_ptr<rate_schedule>>;

made_schedule make_constant(arguments, std::uint64_t) { return std::make_unique<constant>(); }

/// Paper: He et al.: Deep Residual Learning for Image Recognition (CVPR 2016).
made_schedule make_step(arguments given, std::uint64_t epoch_samples) {
  BOOST_OUTCOME_TRY(every, parse_samples(given[0], "EVERY of schedule step", epoch_samples));
  BOOST_OUTCOME_TRY(times, parse_number(given[1], "FACTOR of schedule step", 0, 1));
  return std::make_unique<step>(every, times);
}

/// Paper: Loshchilov, Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts (ICLR 2017),
/// without restarts.
made_schedule make_cosine(arguments given, std::uint64_t epoch_samples) {
  BOOST_OUTCOME_TRY(samples, parse_samples(given[0], "SAMPLES of schedule cosine", epoch_samples));
  double last = 0;
  if (given.size() > 1) {
    BOOST_OUTCOME_TRY(share, parse_number(given[1], "FINAL of schedule cosine", 0, 1));
    last = share;
  }
  return std::make_unique<cosine>(samples, last);
}

constexpr schedule_row table[] = {
    {"constant", "", "the rate as it is", make_constant},
    {"step", "EVERY:FACTOR", "times FACTOR after every EVERY samples, or \"N epochs\"", make_step},
    {"cosine", "SAMPLES[:FINAL]",
     "down half a cosine to FINAL times the rate, 0 unless said, in SAMPLES or \"N epochs\"",
     make_cosine},
};

} // namespace

result<training_span> parse_training_span(std::string_view text, std::string_view what) {
  training_span found;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, found.number);
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (unit == " epoch" || unit == " epochs") found.unit = training_span::unit_type::epochs;
  const bool is_known = found.unit == training_span::unit_type::epochs || unit.empty() ||
                        unit == " sample" || unit == " samples";
  const auto most = found.unit == training_span::unit_type::epochs ? epochs_max : span_max;
  if (problem != std::errc{} || !is_known || found.number > most)
    return failure(errc::bad_argument,
                   fmt::format("{} is \"{}\", expected a whole number of samples, at most {}, or "
                               "\"1 epoch\" to \"{} epochs\"",
                               what, text, span_max, epochs_max));
  return found;
}

std::span<const schedule_row> schedules() { return table; }

result<std::unique_ptr<rate_schedule>> make_schedule(std::span<const schedule_row> rows,
                                                     std::string_view spec,
                                                     std::uint64_t epoch_samples) {
  return make_from(rows, spec, "schedule", epoch_samples);
}

rate_plan::rate_plan(std::unique_ptr<rate_schedule> schedule, std::uint64_t warmup)
    : schedule_(std::move(schedule)), warmup_(warmup) {}

float rate_plan::share(std::uint64_t before, std::uint64_t own) const {
  double share = schedule_ ? schedule_->factor(before) : 1;
  if (before + own < warmup_)
    share *= static_cast<double>(before + own) / static_cast<double>(warmup_);
  return static_cast<float>(share);
}

} // namespace lagrange::runtime
