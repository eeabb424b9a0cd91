#include "apps/told_status.hpp"

#include "apps/control_socket.hpp"
#include "apps/live_view.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;
using nlohmann::json;

std::string tell_status(const job_status& status, supervisor_term term, const std::string& door) {
  auto told = nlohmann::ordered_json::parse(render_json(status));
  told["term"] = term.value;
  told["supervisor_pid"] = ::getpid();
  told["join"] = door.empty() ? json(nullptr) : json(door);
  return told.dump();
}

double told_status::share() const {
  return leases > 0 ? static_cast<double>(leases_closed) / static_cast<double>(leases) : 0;
}

const told_actor* told_status::find(std::string_view name) const {
  const auto found = std::ranges::find(actors, name, &told_actor::name);
  return found == actors.end() ? nullptr : &*found;
}

result<told_status> read_status(std::string_view answer) {
  constexpr std::string_view done = "ok ";
  if (answer.starts_with(done)) answer.remove_prefix(done.size());
  const auto found = json::parse(answer, nullptr, false);
  try {
    told_status made{.job = found.at("job"),
                     .policy = found.at("policy"),
                     .term = found.at("term"),
                     .supervisor = found.at("supervisor_pid"),
                     .elapsed_seconds = found.at("elapsed_seconds"),
                     .leases = found.at("leases"),
                     .leases_closed = found.at("leases_closed"),
                     .actors = {},
                     .door = {}};
    if (const auto door = found.find("join"); door != found.end() && door->is_string())
      made.door = door->get<std::string>();
    for (const auto& row : found.at("actors"))
      made.actors.push_back({row.at("name"), row.at("incarnation"), row.at("pid"), row.at("state"),
                             row.at("clock").is_null() ? -1 : row.at("clock").get<std::int64_t>()});
    return made;
  } catch (const json::exception&) {
    return failure(errc::bad_frame,
                   "the job answered with no status: " + std::string(answer.substr(0, 200)));
  }
}

result<told_status> ask_status(const fs::path& run, std::chrono::milliseconds patience) {
  BOOST_OUTCOME_TRY(answer, give_order(run, "status", patience));
  return read_status(answer);
}

std::vector<fs::path> open_runs(const fs::path& dir) {
  std::vector<fs::path> found;
  std::error_code wrong;
  for (fs::directory_iterator at(dir, wrong), end; !wrong && at != end; at.increment(wrong))
    if (std::error_code none; fs::is_socket(at->path() / control_name, none))
      found.push_back(at->path());
  std::ranges::sort(found);
  return found;
}

} // namespace lagrange::apps
