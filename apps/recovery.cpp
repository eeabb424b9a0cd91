#include "apps/recovery.hpp"

#include "ops/contract.hpp"
#include "runtime/journal_history.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::apps {

using namespace runtime;

std::string ago(std::chrono::seconds age) {
  const auto seconds = static_cast<double>(age.count());
  if (seconds < 100) return fmt::format("{:.0f} s", seconds);
  return seconds < 6'000 ? fmt::format("{:.1f} min", seconds / 60)
                         : fmt::format("{:.1f} h", seconds / 3'600);
}

std::string place_of(const found_start& found, std::chrono::sys_seconds now) {
  if (!found.cut) return "the beginning";
  return fmt::format("cut {} ({} ago)", found.cut->cut.value,
                     ago(std::max(now - found.cut->time, std::chrono::seconds(0))));
}

std::optional<job_id> job_id_of(const std::filesystem::path& run, const found_start& found,
                                std::uint32_t shards) {
  if (found.cut) return found.cut->job;
  const auto terms = journal_terms(run, shards);
  for (auto term = terms.rbegin(); term != terms.rend(); ++term)
    if (const auto head = read_journal_head(journal_path(run, {}, *term))) return head.value().job;
  return std::nullopt;
}

void begin_after(term_start& start, const std::vector<incarnation>& lives) {
  start.lives.resize(std::max(start.lives.size(), lives.size()), {1});
  for (std::size_t worker = 0; worker < lives.size(); ++worker)
    // Of one that is new in this term, too: a shard takes a first life for one that it knows.
    start.lives[worker] = std::max({start.lives[worker], lives[worker].next(), incarnation{2}});
}

} // namespace lagrange::apps
