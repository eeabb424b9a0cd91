#include "apps/recovery.hpp"

#include "runtime/journal_history.hpp"

namespace lagrange::apps {

using namespace runtime;

result<recovery> find_recovery(const std::filesystem::path&) {
  return recovery{{}, {}, std::nullopt, "the beginning"};
}

std::optional<job_id> find_job_id(const std::filesystem::path& run, std::uint32_t shards) {
  const auto terms = journal_terms(run, shards);
  for (auto term = terms.rbegin(); term != terms.rend(); ++term)
    if (const auto head = read_journal_head(journal_path(run, {}, *term)))
      return head.value().job;
  return std::nullopt;
}

std::vector<incarnation> next_lives(std::vector<incarnation> before) {
  for (auto& each : before) each = each.next();
  return before;
}

} // namespace lagrange::apps
