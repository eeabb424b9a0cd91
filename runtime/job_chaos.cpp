#include "runtime/job_chaos.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

namespace {

constexpr std::size_t rules_max = 4096; // one for each actor that a job may have, and more

template <class Parsed>
std::string problem_of(const result<Parsed>& parsed) {
  return parsed ? std::string() : parsed.error().text;
}

std::uint32_t count_of(const job& x, actor_role role) {
  if (role == actor_role::worker) return x.topology.workers;
  return role == actor_role::shard ? x.topology.shards : 1;
}

template <class Rules>
std::string find_stray(const job& x, const Rules& rules) {
  for (const auto& rule : rules) {
    const auto count = count_of(x, rule.who.role);
    if (rule.who.index && *rule.who.index >= count)
      return fmt::format("there is no {0}, expected {1}-0{2} or {1}-*", to_string(rule.who),
                         name(rule.who.role),
                         count > 1 ? fmt::format(" to {}-{}", name(rule.who.role), count - 1) : "");
  }
  return {};
}

} // namespace

chaos chaos_of(const job& x) {
  chaos made;
  for (const auto& text : x.chaos.slow) made.slow.push_back(parse_slow(text).value());
  for (const auto& text : x.chaos.link) made.links.push_back(parse_link(text).value());
  made.jitter_sigma = parse_jitter(x.chaos.jitter).value();
  made.failures = parse_failures(x.chaos.failures).value();
  made.seed = x.chaos.seed == 0 ? x.seed : x.chaos.seed;
  return made;
}

std::string slow_problem(std::string_view text) { return problem_of(parse_slow(text)); }
std::string jitter_problem(std::string_view text) { return problem_of(parse_jitter(text)); }
std::string failures_problem(std::string_view text) { return problem_of(parse_failures(text)); }
std::string link_problem(std::string_view text) { return problem_of(parse_link(text)); }

std::string read_rules(const toml::node& found, std::string (*problem)(std::string_view),
                       std::vector<std::string>& out) {
  std::vector<std::string> read;
  const auto take = [&](const toml::node& each) -> std::string {
    const auto* text = each.as_string();
    if (text == nullptr) return "not all of it is text in quotes";
    read.push_back(text->get());
    return problem(text->get());
  };
  std::string wrong;
  if (const auto* list = found.as_array()) {
    if (list->size() > rules_max) return fmt::format("more than {} rules", rules_max);
    for (const auto& each : *list)
      if (wrong.empty()) wrong = take(each);
  } else {
    wrong = take(found);
  }
  if (wrong.empty()) out = std::move(read);
  return wrong;
}

std::optional<stray_rule> find_stray_rule(const job& x) {
  const auto all = chaos_of(x);
  if (auto text = find_stray(x, all.slow); !text.empty())
    return stray_rule{"chaos.slow", std::move(text)};
  if (auto text = find_stray(x, all.links); !text.empty())
    return stray_rule{"chaos.link", std::move(text)};
  return std::nullopt;
}

} // namespace lagrange::runtime
