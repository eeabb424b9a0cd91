#include "runtime/chaos.hpp"

#include "ops/random.hpp"
#include "runtime/job_units.hpp"
#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

namespace lagrange::runtime {

namespace {

using std::chrono::milliseconds;

constexpr double factor_max = 1000;
/// One step in a thousand then takes more than a thousand times the median: more says nothing.
constexpr double sigma_max = 2.5;
/// Actors ask again after seconds; a slower link would only show that.
constexpr milliseconds latency_max{10'000};
constexpr std::uint64_t index_max = 65'535;

struct rate_unit {
  std::string_view name;
  std::uint64_t bytes; ///< a second
};
constexpr std::array<rate_unit, 3> rate_units{
    {{"Gbit", 125'000'000}, {"Mbit", 125'000}, {"kbit", 125}}};
constexpr std::uint64_t rate_max = 1000 * rate_units[0].bytes;

/// "WHO:WHAT" apart, for one of these roles.
struct rule_words {
  actor_pattern who;
  std::string_view what;
};

std::optional<actor_pattern> parse_pattern(std::string_view text,
                                           std::span<const actor_role> roles) {
  for (const auto role : roles) {
    const auto word = name(role);
    if (!text.starts_with(word) || text.substr(word.size(), 1) != "-") continue;
    const auto index = text.substr(word.size() + 1);
    if (index == "*") return actor_pattern{role, std::nullopt};
    if (const auto number = parse_count(index, "it", 0, index_max))
      return actor_pattern{role, static_cast<std::uint32_t>(number.value())};
  }
  return std::nullopt;
}

result<rule_words> split_rule(std::string_view text, std::span<const actor_role> roles,
                              std::string_view example) {
  const auto colon = text.find(':');
  if (colon == text.npos)
    return failure(errc::bad_argument,
                   fmt::format("\"{}\" has no colon, expected WHO:WHAT as in {}", text, example));
  const auto who = parse_pattern(text.substr(0, colon), roles);
  if (who) return rule_words{*who, text.substr(colon + 1)};
  std::string names;
  for (const auto role : roles) names += fmt::format("{}-N or {}-*, ", name(role), name(role));
  return failure(errc::bad_argument, fmt::format("\"{}\" is about \"{}\", expected {}as in {}",
                                                 text, text.substr(0, colon), names, example));
}

/// Bytes a second; nothing for what is no bandwidth.
std::optional<std::uint64_t> parse_rate(std::string_view text) {
  for (const auto& unit : rate_units) {
    if (!text.ends_with(unit.name)) continue;
    const auto count =
        parse_count(text.substr(0, text.size() - unit.name.size()), "it", 1, rate_max / unit.bytes);
    if (count) return count.value() * unit.bytes;
  }
  return std::nullopt;
}

std::string written_rate(std::uint64_t bytes_per_second) {
  for (const auto& unit : rate_units)
    if (bytes_per_second % unit.bytes == 0)
      return fmt::format("{}{}", bytes_per_second / unit.bytes, unit.name);
  return fmt::format("{}B/s", bytes_per_second);
}

std::string written_shape(const transport::link_shape& x) {
  std::string text;
  if (x.latency.count() > 0) text = written(std::chrono::duration_cast<milliseconds>(x.latency));
  if (x.bytes_per_second > 0)
    text += fmt::format("{}{}", text.empty() ? "" : " ", written_rate(x.bytes_per_second));
  return text.empty() ? "0ms" : text;
}

} // namespace

bool actor_pattern::holds(actor_name who) const {
  return who.role == role && (!index || who.index == *index);
}

std::string to_string(const actor_pattern& x) {
  return fmt::format("{}-{}", name(x.role), x.index ? std::to_string(*x.index) : "*");
}

double chaos::stretch_of(worker_id worker) const {
  double factor = 1;
  for (const auto& rule : slow)
    if (rule.who.holds({actor_role::worker, worker.value})) factor = rule.factor;
  return factor;
}

double chaos::jitter(worker_id worker, worker_clock clock) const {
  if (jitter_sigma == 0) return 1;
  const ops::random_sequence drawn(seed, 0x6A69747465720000 + worker.value); // streams of its own
  // Box and Muller 1958; the first number is never 0.
  const auto unit = [&](std::uint64_t index) {
    return (static_cast<double>(drawn.bits(index) >> 11U) + 0.5) * 0x1p-53;
  };
  const double normal = std::sqrt(-2 * std::log(unit(2 * clock.value))) *
                        std::cos(2 * std::numbers::pi * unit(2 * clock.value + 1));
  return std::exp(jitter_sigma * normal - jitter_sigma * jitter_sigma / 2);
}

injected_death chaos::death(std::uint64_t number, std::uint32_t workers) const {
  const ops::random_sequence drawn(seed, 0x6465617468000000); // a stream of its own
  const auto unit = (static_cast<double>(drawn.bits(2 * number) >> 11U) + 0.5) * 0x1p-53;
  const std::chrono::duration<double, std::milli> mean(failures);
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(-std::log(unit) * mean),
          {static_cast<std::uint32_t>(drawn.bits(2 * number + 1) % workers)}};
}

transport::link_shape chaos::link_of(actor_name who) const {
  transport::link_shape found;
  for (const auto& rule : links)
    if (rule.who.holds(who)) found = rule.shape;
  return found;
}

result<slow_rule> parse_slow(std::string_view text) {
  constexpr std::array roles{actor_role::worker};
  BOOST_OUTCOME_TRY(words, split_rule(text, roles, "worker-2:5x"));
  if (words.what.ends_with('x'))
    if (const auto factor =
            parse_number(words.what.substr(0, words.what.size() - 1), "it", 1, factor_max))
      return slow_rule{words.who, factor.value()};
  return failure(errc::bad_argument,
                 fmt::format("\"{}\" is slower by \"{}\", expected a factor from 1x to {:g}x, as "
                             "in worker-2:5x",
                             text, words.what, factor_max));
}

result<double> parse_jitter(std::string_view text) {
  constexpr std::string_view law = "lognormal:";
  if (text == "none") return 0;
  if (text.starts_with(law))
    if (const auto sigma = parse_number(text.substr(law.size()), "it", 0, sigma_max))
      return sigma.value();
  return failure(errc::bad_argument,
                 fmt::format("\"{}\" is no jitter, expected \"none\" or lognormal:SIGMA with a "
                             "sigma from 0 to {:g}, as in lognormal:0.5",
                             text, sigma_max));
}

result<std::chrono::milliseconds> parse_failures(std::string_view text) {
  constexpr std::string_view first = "every ";
  constexpr std::chrono::milliseconds low{10};
  constexpr std::chrono::hours high{24};
  if (text == "none") return std::chrono::milliseconds(0);
  if (text.starts_with(first))
    if (const auto mean = parse_duration(text.substr(first.size()), high); mean && *mean >= low)
      return *mean;
  return failure(errc::bad_argument,
                 fmt::format("\"{}\" says nothing about failures, expected \"none\" or \"every "
                             "TIME\" with a time from 10ms to 24h, as in \"every 5s\"",
                             text));
}

result<link_rule> parse_link(std::string_view text) {
  constexpr std::array roles{actor_role::worker, actor_role::shard, actor_role::feeder};
  BOOST_OUTCOME_TRY(words, split_rule(text, roles, "shard-0:50ms,100Mbit"));
  link_rule made{words.who, {}};
  bool has_latency = false;
  for (auto rest = words.what;;) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto word = rest.substr(0, comma);
    const auto latency = parse_duration(word, latency_max);
    const auto rate = parse_rate(word);
    if (latency && !has_latency) {
      made.shape.latency = *latency;
      has_latency = true;
    } else if (rate && made.shape.bytes_per_second == 0) {
      made.shape.bytes_per_second = *rate;
    } else {
      return failure(errc::bad_argument,
                     fmt::format("\"{}\" has a link of \"{}\", expected a latency up to {}, a "
                                 "bandwidth from 1kbit to 1000Gbit, or both, as in "
                                 "shard-0:50ms,100Mbit",
                                 text, words.what, written(latency_max)));
    }
    if (comma == rest.size()) return made;
    rest.remove_prefix(comma + 1);
  }
}

std::string to_string(const chaos& x) {
  std::string text;
  const auto add = [&](const std::string& words) { text += (text.empty() ? "" : ", ") + words; };
  for (const auto& rule : x.slow) add(fmt::format("{} {:g}x", to_string(rule.who), rule.factor));
  if (x.jitter_sigma > 0) add(fmt::format("jitter lognormal:{:g}", x.jitter_sigma));
  if (x.failures.count() > 0) add("a worker dies every " + written(x.failures));
  for (const auto& rule : x.links)
    add(fmt::format("links of {} {}", to_string(rule.who), written_shape(rule.shape)));
  return text;
}

} // namespace lagrange::runtime
