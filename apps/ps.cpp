// The verb `ps`.
#include "apps/ps.hpp"

#include "apps/control_socket.hpp"
#include "apps/told_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace lagrange {

namespace {

namespace fs = std::filesystem;
using runtime::errc;

/// A supervisor that works answers within a few hundred milliseconds.
constexpr std::chrono::seconds answer_patience{3};

void tell(const fs::path& run, const apps::told_status& found) {
  fmt::print("{}  {}  term {}  {:.0f} % of {} leases in {:.1f} s\n", run.string(), found.policy,
             found.term, found.share() * 100, found.leases, found.elapsed_seconds);
  if (!found.door.empty()) fmt::print("  nodes may join at {}\n", found.door);
  std::vector<apps::told_actor> rows{{"supervisor-0", found.term, found.supervisor, "running", -1}};
  rows.insert(rows.end(), found.actors.begin(), found.actors.end());
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.name.size());
  fmt::print("  {:<{}}  {:>4}  {:>8}  {}\n", "ACTOR", width, "LIFE", "PID", "STATE");
  for (const auto& row : rows)
    fmt::print("  {:<{}}  {:>4}  {:>8}  {}\n", row.name, width, row.life,
               row.pid > 0 ? std::to_string(row.pid) : "-", row.state);
}

/// What the status of one job is worth as an exit status; none: there is no job.
std::optional<int> show(const fs::path& run, const ps_order& order) {
  const auto answer = apps::give_order(run, "status", answer_patience);
  if (!answer) {
    const bool is_over = answer.error().code == errc::bad_argument;
    if (is_over && order.runs.empty()) return std::nullopt; // a killed supervisor has left a socket
    fmt::print(stderr, "lagrange: {}\n", answer.error().text);
    return is_over ? 2 : 1;
  }
  const auto found = apps::read_status(answer.value());
  if (!found) {
    fmt::print(stderr, "lagrange: {}: {}\n", run.string(), found.error().text);
    return 1;
  }
  if (order.is_json)
    fmt::print("{}\n", answer.value().substr(answer.value().find('{')));
  else
    tell(run, found.value());
  return 0;
}

} // namespace

int list_jobs(const ps_order& order) {
  const std::vector<fs::path> named(order.runs.begin(), order.runs.end());
  const auto runs = named.empty() ? apps::open_runs(order.dir) : named;
  std::optional<int> status;
  for (const auto& run : runs) status = std::max(status, show(run, order));
  if (!status) fmt::print(stderr, "no job runs in {}\n", order.dir);
  return status.value_or(0);
}

} // namespace lagrange
