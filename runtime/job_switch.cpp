#include "runtime/job_switch.hpp"

#include "runtime/job_keys.hpp"
#include "runtime/switch_messages.hpp"

#include <fmt/format.h>

#include <array>

namespace lagrange::runtime {

namespace {

/// More rules than anybody writes; a file of rules is a mistake.
constexpr std::size_t rules_max = 64;

/// The texts of a rule, by the names they have in a config.
struct rule_field {
  std::string_view name;
  std::string switch_rule::*value;
};
constexpr std::array<rule_field, 3> fields{
    {{"at", &switch_rule::at}, {"when", &switch_rule::when}, {"to", &switch_rule::to}}};

std::string read_field(std::string_view name, const toml::node& found, switch_rule& out) {
  for (const auto& field : fields) {
    if (field.name != name) continue;
    const auto* text = found.as_string();
    if (text == nullptr || text->get().empty())
      return fmt::format("{} = {}, expected a text", name, describe(found));
    out.*field.value = text->get();
    return {};
  }
  return fmt::format("{} is none of at, when and to", name);
}

std::string read_rule(const toml::node& found, const catalog& rows, switch_rule& out) {
  const auto* table = found.as_table();
  if (table == nullptr) return R"(expected a table as in {at = "epoch 1", to = "asp"})";
  for (const auto& [name, value] : *table)
    if (auto problem = read_field(name.str(), value, out); !problem.empty()) return problem;
  if (out.to.empty()) return "to is missing: the policy to switch to";
  if (const auto trigger = make_trigger(out); !trigger) return trigger.error().text;
  return switch_problem(out.to, rows);
}

} // namespace

std::string policy_problem(std::string_view policy, const job& x, const catalog& rows) {
  const auto made = make_policy(rows.policies, policy).value();
  if (made->arrivals() != arrival::round) return {};
  if (x.staleness.dynamic_steps)
    return fmt::format("under policy \"{}\" every worker has one lease a round, however many "
                       "batches it has, and all wait for the slowest; with staleness.dynamic_steps "
                       "expected a policy without rounds, as \"asp\" or \"ssp:3\"",
                       policy);
  // A round has a lease for each worker, or N where that is more: it would then be larger than the
  // job's rounds are, and wait for workers that have two of its leases.
  const auto quorum = made->quorum();
  if (!quorum || quorum->leases <= x.topology.workers) return {};
  return fmt::format(
      "a round would wait for {} leases, but topology.workers = {}, expected N of at "
      "most that, or as many workers",
      quorum->leases, x.topology.workers);
}

std::string switch_problem(std::string_view policy, const catalog& rows) {
  if (const auto made = make_policy(rows.policies, policy); !made) return made.error().text;
  if (policy.size() > switched_policy_letters_max)
    return fmt::format("policy \"{}\" has {} letters, but a journal's entry holds {}: write its "
                       "arguments shorter",
                       policy, policy.size(), switched_policy_letters_max);
  return {};
}

std::string switch_problem(std::string_view policy, const job& x, const catalog& rows) {
  auto problem = switch_problem(policy, rows);
  return problem.empty() ? policy_problem(policy, x, rows) : problem;
}

std::string read_switches(const toml::node& found, const catalog& rows,
                          std::vector<switch_rule>& out) {
  const auto* list = found.as_array();
  if (list == nullptr || list->size() > rules_max)
    return fmt::format("expected a list of at most {} rules", rules_max);
  std::vector<switch_rule> made;
  for (const auto& each : *list)
    if (const auto problem = read_rule(each, rows, made.emplace_back()); !problem.empty())
      return fmt::format("rule {}: {}", made.size(), problem);
  out = std::move(made);
  return {};
}

std::string written_switches(const std::vector<switch_rule>& rules) {
  std::string text;
  for (const auto& rule : rules) {
    text += text.empty() ? "{" : ", {";
    for (const auto& field : fields)
      if (!(rule.*field.value).empty())
        text += fmt::format("{} = {}, ", field.name, toml_text(rule.*field.value));
    text.resize(text.size() - 2);
    text += "}";
  }
  return "[" + text + "]";
}

} // namespace lagrange::runtime
