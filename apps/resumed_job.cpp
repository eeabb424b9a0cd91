#include "apps/resumed_job.hpp"

#include "apps/run_folder.hpp"
#include "runtime/codec/codec.hpp"
#include "runtime/job_keys.hpp"
#include "runtime/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange {

namespace {

using namespace runtime;

/// Keys that may differ from one term of a run to the next; a table's name stands for all of its
/// keys.
constexpr std::string_view changeable[] = {"data.epochs",
                                           "staleness.policy",
                                           "staleness.switch",
                                           "topology.workers",
                                           "topology.max_workers",
                                           "topology.listen",
                                           "topology.replicas",
                                           "topology.nodes",
                                           "topology.transport",
                                           "topology.shard_memory",
                                           "codec.compress",
                                           "restart",
                                           "checkpoint",
                                           "evaluation",
                                           "simulation",
                                           "security",
                                           "chaos"};

/// Why the others may not. The first that fits counts.
struct reason_row {
  std::string_view key; ///< or table
  std::string_view why;
};
constexpr reason_row reasons[] = {
    {"name", "the run's folder has that name"},
    {"output", "a run stays in its folder"},
    {"seed", "the parameters and the order of the samples were drawn from it"},
    {"data", "the leases of the run are of that data"},
    {"model", "the parameters are those of that model"},
    {"optimizer", "its state was made by that optimizer"},
    {"staleness.local_steps", "the leases of the run are of so many batches"},
    {"staleness.dynamic_steps", "the leases of the run are of such batches"},
    {"staleness", "a run could not be replayed whose updates were made in two ways"},
    {"topology.shards", "the parameters were kept in so many parts"},
    {"topology", "a run could not be replayed whose gradients were computed in two ways"},
    {"precision", "a run could not be replayed whose gradients were computed in two ways"},
    {"codec", "what the workers have not sent yet was left by that codec"},
};

bool is_within(std::string_view key, std::string_view table) {
  return key == table || (key.starts_with(table) && key.substr(table.size()).starts_with('.'));
}

bool may_change(std::string_view key) {
  return std::ranges::any_of(changeable, [&](auto each) { return is_within(key, each); });
}

std::string_view reason_of(std::string_view key) {
  const auto found =
      std::ranges::find_if(reasons, [&](const auto& row) { return is_within(key, row.key); });
  return found == std::end(reasons) ? "what was kept was made with it" : found->why;
}

std::string refusal(std::string_view key, const std::string& before, const std::string& now) {
  return fmt::format("{} is {} in the run and cannot become {}: {}; start a new run for that\n",
                     key, before, now, reason_of(key));
}

/// Lines about keys that cannot change.
std::string find_refusals(const job& before, const job& now, const catalog& rows) {
  std::string made;
  for (const auto& rule : key_rules()) {
    if (may_change(rule.key)) continue;
    const auto was = write_value(rule, before), is = write_value(rule, now);
    if (was != is) made += refusal(rule.key, was, is);
  }
  if (!(before.model.settings == now.model.settings && before.model.layers == now.model.layers))
    made +=
        "model differs from that of the run, whose parameters are those of another one; start a "
        "new run for that\n";
  if (now.data.epochs < before.data.epochs)
    made += fmt::format("data.epochs is {} in the run and cannot become {}: leases of the later "
                        "epochs may have been applied; start a new run for that\n",
                        before.data.epochs, now.data.epochs);
  const auto codec = make_codec(rows.codecs, now.codec.push);
  const bool leaves_residuals = codec && codec.value()->name() != "none";
  if (now.topology.workers < before.topology.workers && leaves_residuals)
    made += fmt::format("topology.workers is {} in the run and cannot become {}: what the other "
                        "workers have not sent yet, as codec.push = {} left it, would be lost\n",
                        before.topology.workers, now.topology.workers, before.codec.push);
  return made;
}

/// Why there is nothing to do; empty: there is, or nobody knows.
std::string find_completion(const std::filesystem::path& run, const job& before, const job& now) {
  const auto text = apps::read_run_file(run / "summary.json");
  if (!text) return {};
  const auto found = parse_summary(text.value(), "its summary");
  if (!found || found.value().outcome != "done" || now.data.epochs > before.data.epochs) return {};
  return fmt::format("{} is done: all of its {} epochs are trained; give it more with --set "
                     "data.epochs={}\n",
                     run.string(), before.data.epochs, before.data.epochs + 1);
}

} // namespace

result<resumed_job> read_resumed_job(const std::filesystem::path& run,
                                     std::span<const std::string> overrides, const catalog& rows) {
  BOOST_OUTCOME_TRY(apps::check_run_folder(run));
  const auto path = run / "job.toml";
  BOOST_OUTCOME_TRY(text, apps::read_run_file(path));
  BOOST_OUTCOME_TRY(before, parse_job(text, path.string(), {}, rows));
  BOOST_OUTCOME_TRY(now, parse_job(text, path.string(), overrides, rows));
  const auto problems = find_refusals(before, now, rows) + find_completion(run, before, now);
  if (!problems.empty()) return failure(errc::bad_argument, problems);
  const bool is_same = now.staleness.policy == before.staleness.policy;
  auto policy = is_same ? std::string() : now.staleness.policy;
  return resumed_job{std::move(now), std::move(policy)};
}

} // namespace lagrange
