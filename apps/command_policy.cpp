// The verb `check-policy`: the conformance kit on a policy, a user's own included.
#include "apps/command_words.hpp"
#include "runtime/conformance/policy_trial.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lagrange {

namespace {

constexpr std::uint32_t seeds_default = 2000, seeds_max = 100'000'000;

/// What is tried: the policy as it is written, or a row by its name with a few arguments each.
std::vector<std::string> tried_specs(const std::string& name, const runtime::catalog& rows) {
  const auto* row = runtime::find_row(rows.policies, name);
  if (runtime::make_policy(rows.policies, name) || row == nullptr) return {name};
  return runtime::specs_of(*row);
}

void tell(const invocation& call, bool is_json, const std::string& spec, std::uint32_t seeds,
          const std::optional<runtime::policy_breach>& found) {
  if (is_json) {
    nlohmann::ordered_json line{{"policy", spec}, {"seeds", seeds}, {"holds", !found}};
    if (found)
      line.update({{"invariant", found->invariant},
                   {"seed", found->seed},
                   {"event", found->event},
                   {"text", found->text}});
    call.text.out << line.dump() << "\n";
  } else if (found) {
    call.text.out << fmt::format("{}: {}\n  repeat it with: check-policy {} --first {} --seeds 1\n",
                                 spec, to_string(*found), spec, found->seed);
  } else {
    call.text.out << fmt::format("{}: {} jobs with slow, dying and joining workers, and every "
                                 "invariant held\n",
                                 spec, seeds);
  }
  call.text.out.flush();
}

} // namespace

int act_check_policy(const invocation& call) {
  CLI::App app(
      "Drives a policy through whole jobs of seeded schedules, and says which invariant it "
      "breaks and for which seed: CL-1, CL-2, SH-1, SH-2, LE-1, EN-1.",
      "check-policy");
  std::string name;
  std::uint32_t seeds = seeds_default, first = 1;
  bool is_json = false;
  app.add_option("NAME", name, "as in ssp:3; a name alone is tried with a few arguments")
      ->required()
      ->type_name("");
  app.add_option("--seeds", seeds, fmt::format("schedules to try; {} unless said", seeds_default))
      ->type_name("N")
      ->check(CLI::Range(1U, seeds_max));
  app.add_option("--first", first, "the first of their seeds; 1 unless said")->type_name("SEED");
  app.add_flag("--json", is_json, "one JSON object a line");
  if (const auto status = parse(app, call)) return *status;
  const auto specs = tried_specs(name, call.rows);
  if (specs.empty())
    return refuse(call.text, fmt::format("policy {} takes none of the arguments that are tried; "
                                         "write one out, as in {}:3",
                                         name, name));
  if (const auto made = runtime::make_policy(call.rows.policies, specs.front()); !made)
    return refuse(call.text, made.error().text);
  int status = 0;
  for (const auto& spec : specs) {
    const auto found = runtime::find_breach(call.rows.policies, spec, first, seeds);
    tell(call, is_json, spec, seeds, found);
    if (found) status = 1;
  }
  return status;
}

} // namespace lagrange
