// The verb `chaos`: the end of a storm, its proof and its report. What happens in it is in
// apps/storm_course.cpp.
#include "apps/storm.hpp"

#include "apps/storm_course.hpp"
#include "apps/storm_proof.hpp"
#include "runtime/files.hpp"
#include "runtime/job_chaos.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>

namespace lagrange {

namespace {

using namespace runtime;
using apps::claim;
using apps::storm_course;
using nlohmann::json;

/// What a calm run of the same job took, beside the one in the storm.
struct goodput {
  double calm_seconds = 0;
  double share = 0; ///< of the calm run's leases a second
};

json to_json(const storm_order& order, const storm_course& course, std::span<const claim> proof,
             const std::optional<goodput>& against) {
  auto claims = json::array();
  for (const auto& each : proof) claims.push_back({{"holds", each.holds}, {"text", each.text}});
  json made{{"type", "chaos"},
            {"run", course.job().run().string()},
            {"seed", chaos_of(order.job.job).seed},
            {"kills", order.kills},
            {"seconds", course.seconds()},
            {"terms", course.job().supervisors().size()},
            {"trouble", nullptr},
            {"proven", std::ranges::all_of(proof, &claim::holds)},
            {"claims", std::move(claims)},
            {"recovery_ms", course.log().figures()},
            {"strikes", course.log().rows()},
            {"goodput", nullptr}};
  if (!course.trouble().empty()) made["trouble"] = course.trouble();
  if (against)
    made["goodput"] = {{"share", against->share}, {"calm_seconds", against->calm_seconds}};
  return made;
}

void tell(const storm_course& course, std::span<const claim> proof,
          const std::optional<goodput>& against) {
  fmt::print("{} strikes in {:.1f} s, {} starts of the supervisor\n", course.log().strikes().size(),
             course.seconds(), course.job().supervisors().size());
  fmt::print("{}", course.log().table());
  if (against)
    fmt::print("goodput {:.3f}: the same job took {:.1f} s without strikes\n", against->share,
               against->calm_seconds);
  for (const auto& each : proof)
    fmt::print("{} {}\n", each.holds ? "proven:    " : "NOT PROVEN:", each.text);
}

/// Nobody is struck. Nothing when it does not end.
std::optional<goodput> measure_calm(const storm_order& order, const storm_course& storm,
                                    apps::interrupts& interrupts) {
  storm_course calm(order, {}, interrupts);
  if (calm.run() != apps::storm_end::done) return std::nullopt;
  return goodput{calm.seconds(), calm.seconds() / std::max(storm.seconds(), 1e-9)};
}

void keep(const std::string& path, const std::string& text) {
  if (const auto kept = write_atomically(path, std::as_bytes(std::span(text))); !kept)
    fmt::print(stderr, "lagrange: {}\n", kept.error().text);
}

/// What the course itself has to say comes first.
std::vector<claim> prove_all(const storm_order& order, const storm_course& course) {
  std::vector<claim> made;
  const auto count = course.log().strikes().size();
  if (!course.trouble().empty()) made.push_back({false, course.trouble()});
  const bool is_whole = count == order.kills || order.every.count() > 0;
  made.push_back(
      {is_whole && count > 0, fmt::format("{} of {} strikes were made", count, order.kills)});
  if (!course.job().has_run()) return made;
  auto rest = apps::prove({course.job().run(), order.job.job, *order.job.catalog,
                           course.job().supervisors(), order.replays});
  made.insert(made.end(), rest.begin(), rest.end());
  return made;
}

} // namespace

std::vector<strike> plan_of(const storm_order& order) {
  const auto& job = order.job.job;
  return make_storm_plan({.seed = chaos_of(job).seed,
                          .strikes = order.kills,
                          .roles = order.roles,
                          .workers = job.topology.workers,
                          .shards = job.topology.shards,
                          .stop_min = job.restart.silence * 3 / 2,
                          .every = order.every});
}

int run_storm(const storm_order& order) {
  apps::interrupts interrupts; // before anything starts a thread
  storm_course course(order, plan_of(order), interrupts);
  if (course.run() == apps::storm_end::interrupted) return 130;
  const auto proof = prove_all(order, course);
  std::optional<goodput> against;
  if (order.measures_goodput && course.trouble().empty())
    against = measure_calm(order, course, interrupts);
  if (interrupts.first()) return 130;
  const auto report = to_json(order, course, proof, against);
  if (course.job().has_run()) keep(course.job().run() / "chaos.json", report.dump(2) + "\n");
  if (!order.report_file.empty()) keep(order.report_file, report.dump(2) + "\n");
  if (order.job.mode == output_mode::json)
    fmt::print("{}\n", report.dump());
  else if (order.job.mode != output_mode::quiet)
    tell(course, proof, against);
  return std::ranges::all_of(proof, &claim::holds) ? 0 : 1;
}

} // namespace lagrange
