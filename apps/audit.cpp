// The verb `audit`.
#include "runtime/audit.hpp"

#include "apps/recorded_run.hpp"
#include "apps/replay.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lagrange {

namespace {

using namespace runtime;

/// As in "1 epoch" and "2 shards".
std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void tell(const apps::recorded_run& run, const audit& found) {
  const auto& counts = found.counts();
  for (const auto& torn : apps::torn_tails_of(run)) fmt::print("{}\n", torn);
  for (const auto& line : apps::terms_told(run)) fmt::print("{}\n", line);
  if (found.breach().empty()) {
    fmt::print("{} leases: {} applied, {} dropped, 0 lost, 0 twice; {} dealt again, {} late pushes "
               "refused\n",
               counts.leases, counts.applied, counts.dropped, counts.dealt_again, counts.refused);
    if (counts.set_aside > 0)
      fmt::print("{} of those dropped {} set aside, because workers died with {}\n",
                 counts.set_aside, counts.set_aside == 1 ? "was" : "were",
                 counts.set_aside == 1 ? "it" : "them");
    fmt::print("every sample of every epoch was {}: {} in {}, on {}\n",
               counts.dropped == 0 ? "applied exactly once" : "applied exactly once or dropped",
               counted(counts.samples, "sample"), counted(run.job.data.epochs, "epoch"),
               counted(run.journals.size(), "shard"));
    return;
  }
  fmt::print("broken: {}\n", found.breach());
  if (run.outcome != "done")
    fmt::print("the run did not end: {}\n",
               run.outcome.empty() ? "it has no summary" : "its outcome is " + run.outcome);
}

nlohmann::json to_json(const apps::recorded_run& run, const audit& found) {
  const auto& counts = found.counts();
  nlohmann::json made{{"run", run.folder.string()},
                      {"holds", found.breach().empty()},
                      {"breach", nullptr},
                      {"leases", counts.leases},
                      {"applied", counts.applied},
                      {"dropped", counts.dropped},
                      {"set_aside", counts.set_aside},
                      {"dealt_again", counts.dealt_again},
                      {"refused", counts.refused},
                      {"samples", counts.samples},
                      {"terms", apps::terms_json(run)},
                      {"outcome", run.outcome}};
  if (!found.breach().empty()) made["breach"] = found.breach();
  return made;
}

} // namespace

int audit_run(const audit_order& order) {
  const auto run = apps::read_run(order.run, *order.catalog);
  if (!run) {
    fmt::print(stderr, "lagrange: {}\n", run.error().text);
    return 2;
  }
  const auto& journals = run.value().journals;
  audit found(make_feeder(run.value().job, *order.catalog, run.value().facts, {}));
  for (std::uint32_t shard = 0; shard < journals.size(); ++shard)
    for (const auto& entry : journals[shard].entries) found.see({shard}, entry);
  found.end();
  if (order.is_json)
    fmt::print("{}\n", to_json(run.value(), found).dump());
  else
    tell(run.value(), found);
  return found.breach().empty() ? 0 : 1;
}

} // namespace lagrange
