#include "apps/storm_log.hpp"

#include "runtime/percentile.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace lagrange::apps {

using namespace runtime;

namespace {

/// The first number that one tells in its new life may be where it began, and is more than what it
/// told in its old one without anything having been done.
constexpr int growths = 2;
constexpr std::array blows{blow::kill, blow::stop};

double seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// As in "420 ms"; "-" where nothing is known.
std::string told(std::optional<double> milliseconds) {
  return milliseconds ? fmt::format("{:.0f} ms", *milliseconds) : "-";
}

} // namespace

void storm_log::on_strike(const strike& what, pid_t process, const told_status& seen, moment now) {
  made_strike made{what,      to_string(what.whom), process, seen.term,
                   seen.term, seen.share(),         now,     std::nullopt};
  if (const auto* row = seen.find(made.whom)) made.life = row->life;
  open_.push_back({strikes_.size(), std::nullopt});
  strikes_.push_back(std::move(made));
}

/// One that was stopped may be back as what it was, once it was let go on.
bool storm_log::is_back(const made_strike& strike, const told_status& seen, moment now) const {
  const bool is_awake = strike.what.what == blow::stop && now >= strike.at + strike.what.stopped;
  const bool is_later = seen.term > strike.term || is_awake;
  if (strike.what.whom.role == actor_role::supervisor)
    return is_later || (strike.what.what == blow::kill && seen.supervisor != strike.process);
  const auto* row = seen.find(strike.whom);
  return row != nullptr && (row->state == "running" || row->state == "done") &&
         (is_later || row->life > strike.life);
}

std::vector<std::string> storm_log::on_status(const told_status& seen, moment now) {
  std::vector<std::string> said;
  std::erase_if(open_, [&](pending& each) {
    auto& strike = strikes_[each.strike];
    if (!is_back(strike, seen, now)) {
      each.back.reset();
      return false;
    }
    const auto* row = seen.find(strike.whom);
    const auto reached = strike.what.whom.role == actor_role::worker
                             ? row->clock
                             : static_cast<std::int64_t>(seen.leases_closed);
    if (!each.back || each.back->term != seen.term || reached < each.back->reached) {
      each.back = {reached, seen.term, 0};
      return false;
    }
    each.back->grown += reached > each.back->reached ? 1 : 0;
    each.back->reached = reached;
    if (each.back->grown < growths && seen.leases_closed < seen.leases) return false;
    strike.recovery = now - strike.at;
    said.push_back(
        fmt::format("{} is back after {:.2f} s", strike.whom, seconds(*strike.recovery)));
    return true;
  });
  return said;
}

void storm_log::on_done(moment now) {
  for (const auto& each : open_) strikes_[each.strike].recovery = now - strikes_[each.strike].at;
  open_.clear();
}

bool storm_log::is_open(std::string_view whom) const {
  return std::ranges::any_of(
      open_, [&](const pending& each) { return strikes_[each.strike].whom == whom; });
}

std::vector<double> storm_log::recoveries(actor_role role, blow what) const {
  std::vector<double> found;
  for (const auto& each : strikes_)
    if (each.what.whom.role == role && each.what.what == what && each.recovery)
      found.push_back(static_cast<double>(each.recovery->count()));
  return found;
}

nlohmann::json storm_log::figures() const {
  auto made = nlohmann::json::object();
  for (const auto& [role, weight] : struck_roles())
    for (const auto what : blows) {
      const auto count = std::ranges::count_if(strikes_, [&](const made_strike& each) {
        return each.what.whom.role == role && each.what.what == what;
      });
      if (count == 0) continue;
      const auto times = recoveries(role, what);
      auto& row = made[std::string(name(role))][std::string(name(what))];
      row = {{"strikes", count}, {"back", times.size()}, {"p50", nullptr}, {"p99", nullptr}};
      if (const auto median = percentile_of_values(times, 0.5)) row["p50"] = *median;
      if (const auto most = percentile_of_values(times, 0.99)) row["p99"] = *most;
    }
  return made;
}

std::string storm_log::table() const {
  auto text = fmt::format("{:<12}{:<6}{:>8}{:>6}{:>12}{:>12}\n", "ROLE", "BLOW", "STRIKES", "BACK",
                          "p50", "p99");
  const auto all = figures();
  for (const auto& [role, weight] : struck_roles())
    for (const auto what : blows) {
      const auto times = recoveries(role, what);
      const auto of_role = all.find(std::string(name(role)));
      if (of_role == all.end() || !of_role->contains(std::string(name(what)))) continue;
      const auto& row = of_role->at(std::string(name(what)));
      text += fmt::format("{:<12}{:<6}{:>8}{:>6}{:>12}{:>12}\n", name(role), name(what),
                          row.at("strikes").get<std::size_t>(), times.size(),
                          told(percentile_of_values(times, 0.5)),
                          told(percentile_of_values(times, 0.99)));
    }
  return text;
}

nlohmann::json storm_log::rows() const {
  auto made = nlohmann::json::array();
  for (const auto& each : strikes_) {
    nlohmann::json row{{"whom", each.whom},
                       {"blow", name(each.what.what)},
                       {"pid", each.process},
                       {"term", each.term},
                       {"incarnation", each.life},
                       {"planned_share", each.what.share},
                       {"share", each.share},
                       {"at_seconds", seconds(each.at)},
                       {"stopped_ms", each.what.stopped.count()},
                       {"recovery_ms", nullptr}};
    if (each.recovery) row["recovery_ms"] = each.recovery->count();
    made.push_back(std::move(row));
  }
  return made;
}

} // namespace lagrange::apps
