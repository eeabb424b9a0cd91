// What a simulated run was, recomputed from its journals alone.
#include "scenario_job.hpp"

#include "runtime/replay.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::sim {

using namespace runtime;

std::string find_difference(const scenario& chosen, const report& recorded) {
  const auto known = catalog::standard();
  const auto what = job_of(chosen, known);
  const auto facts = read_data_facts(what, known).value();
  const auto training = open_data(what, known, data_split::train).value();
  auto plan = make_replay_plan(recorded.journals);
  if (!plan) return plan.error().text;
  replay again({what, known, facts, *training}, std::move(plan).value(),
               {.until = {}, .without = {}, .anew = recorded.anew});
  if (const auto ran = again.run(); !ran) return ran.error().text;
  if (!again.difference().empty()) return again.difference();
  const auto parameters = flat(assemble_values(what, known, facts, again.parameters()));
  return parameters == recorded.parameters ? "" : "the parameters at the end differ";
}

std::string find_cut_difference(const scenario& chosen, const report& recorded,
                                const kept_cut& cut) {
  const auto known = catalog::standard();
  const auto what = job_of(chosen, known);
  const auto facts = read_data_facts(what, known).value();
  const auto training = open_data(what, known, data_split::train).value();
  auto journals = recorded.journals;
  for (const auto& state : cut.shards) {
    auto& entries = journals[state.shard.value].entries;
    if (state.records == 0 || state.records > entries.size())
      return fmt::format("shard-{} has {} of {} records", state.shard.value, state.records,
                         entries.size());
    entries.resize(state.records);
    const auto last = std::find_if(entries.rbegin(), entries.rend(), [](const auto& each) {
      return each.kind == journal_kind::state;
    });
    if (last == entries.rend() || last->version != state.version ||
        last->digest != sha256(std::as_bytes(state.values.values<float>())))
      return fmt::format("shard-{}'s journal does not tell of this state", state.shard.value);
  }
  auto plan = make_replay_plan(journals);
  if (!plan) return plan.error().text;
  replay again({what, known, facts, *training}, std::move(plan).value(), {});
  if (const auto ran = again.run(); !ran) return ran.error().text;
  if (!again.difference().empty()) return again.difference();
  const auto made = again.parameters();
  for (const auto& state : cut.shards) {
    const auto values = state.values.values<float>();
    const auto found = std::as_const(made.shards[state.shard.value]->parameters).values<float>();
    if (!std::ranges::equal(values, found))
      return fmt::format("the parameters of shard-{} differ", state.shard.value);
  }
  return "";
}

} // namespace lagrange::sim
