// The words of the verb `chaos`.
#include "apps/command_job.hpp"
#include "runtime/job_units.hpp"
#include "runtime/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace lagrange {

namespace {

using namespace runtime;

/// More would take a day.
constexpr std::uint32_t kills_max = 100'000;
/// Of the built-in job: leases that it has for each strike, far more than are closed until its
/// victim is back.
constexpr std::uint32_t epochs_a_strike = 3;
/// Exactly countable in an f32.
constexpr std::uint64_t updates_max = 1U << 24;

/// The built-in job of a storm: it counts updates exactly, and an epoch has a thousand leases. Its
/// links pace it: a fast machine would close all leases while the storm waits for one that it
/// stopped, and strikes would be left over.
std::vector<std::string> storm_job(std::uint32_t kills) {
  return {"name=storm",
          "model.name=count",
          "data.format=synthetic",
          "data.path=blobs:8000:4:2",
          "data.batch=8",
          fmt::format("data.epochs={}", std::max(2U, epochs_a_strike * kills)),
          "optimizer.name=sgd",
          "optimizer.rate=1",
          "evaluation.every=1000 epochs",
          "evaluation.target=none",
          "restart.intensity=1000",
          "restart.backoff=0ms",
          "restart.silence=1s",
          "checkpoint.every=500ms",
          "chaos.link=['shard-*:1ms']"};
}

struct storm_flags {
  std::string kills, every;
  std::vector<std::string> roles;
  bool is_in_process = false, skips_replay = false;
};

std::string read_roles(const std::vector<std::string>& words, std::vector<struck_role>& out) {
  std::string reasons;
  std::vector<std::string_view> names;
  for (const auto& each : struck_roles()) names.push_back(name(each.role));
  for (const auto& each : struck_roles())
    if (words.empty() || std::ranges::find(words, name(each.role)) != words.end())
      out.push_back(each);
  for (const auto& word : words)
    if (std::ranges::find(names, word) == names.end())
      reasons += fmt::format("--roles {}: expected some of {}{}\n", word, fmt::join(names, ", "),
                             did_you_mean(word, names));
  return reasons;
}

std::string read_flags(const CLI::App& app, const storm_flags& flags, storm_order& out) {
  std::string reasons = read_roles(flags.roles, out.roles);
  const auto kills = parse_number(flags.kills, kills_max);
  if (!kills || *kills == 0)
    reasons += fmt::format("--kills {}: expected how many strikes, from 1 to {}\n", flags.kills,
                           kills_max);
  out.kills = kills.value_or(0);
  if (app.count("--every") > 0) {
    const auto mean = parse_duration(flags.every, std::chrono::hours(24));
    if (!mean || mean->count() == 0)
      reasons += fmt::format("--every {}: expected a time up to 24h, as in 5s\n", flags.every);
    out.every = mean.value_or(std::chrono::milliseconds(0));
  }
  if (flags.is_in_process)
    reasons += "--in-process: a storm kills processes, and such a job has but one; lagrange "
               "simulate crashes actors\n";
  out.replays = !flags.skips_replay;
  return reasons;
}

/// What of the job does not suit a storm.
std::string find_misfits(const storm_order& order) {
  const auto& x = order.job.job;
  std::string reasons;
  const auto add = [&](std::string_view key, const std::string& text) {
    reasons += key_error(x, key, text) + "\n";
  };
  if (x.topology.transport == "inproc")
    add("topology.transport", "a storm kills processes, and such a job has but one");
  const auto is_replica = [](const struck_role& each) { return each.role == actor_role::replica; };
  if (x.topology.replicas == 0 && std::ranges::any_of(order.roles, is_replica))
    add("topology.replicas", "--roles replica: a job without replicas, expected 1");
  if (x.chaos.failures != "none")
    add("chaos.failures", "the storm kills by its own plan, expected \"none\"");
  std::map<actor_name, std::uint32_t> strikes;
  for (const auto& each : plan_of(order)) ++strikes[each.whom];
  for (const auto& [whom, count] : strikes)
    if (whom.role != actor_role::supervisor && count > x.restart.intensity)
      return reasons +
             key_error(x, "restart.intensity",
                       fmt::format("{} is struck {} times, expected at least that; a "
                                   "storm needs 1000 at most",
                                   to_string(whom), count)) +
             "\n";
  const auto leases = static_cast<std::uint64_t>(order.job.facts.samples) * x.data.epochs /
                      std::max<std::uint64_t>(x.data.batch, 1);
  if (x.model.name == "count" && leases > updates_max)
    add("data.epochs", fmt::format("{} leases are more than an f32 can count, expected at most {}",
                                   leases, updates_max));
  return reasons;
}

std::string check_file(const std::string& file) {
  std::error_code none;
  if (!std::filesystem::is_directory(file, none)) return {};
  return fmt::format("{} is a folder, expected a job's config: a storm makes a run of its own; "
                     "that of an earlier one is {}",
                     file, (std::filesystem::path(file) / "job.toml").string());
}

void add_storm_options(CLI::App& app, storm_flags& flags, storm_order& order) {
  app.add_option("--kills", flags.kills, "how many strikes; one in four is a stop for a while")
      ->type_name("N")
      ->required();
  app.add_option("--roles", flags.roles,
                 "whom to strike: worker,shard,feeder,supervisor,replica; all that there are")
      ->type_name("ROLE,...")
      ->delimiter(',');
  app.add_option("--every", flags.every,
                 "strike so often on average, instead of spreading strikes over the job's leases")
      ->type_name("TIME");
  app.add_flag("--goodput", order.measures_goodput, "run the job without strikes too, and compare");
  app.add_flag("--skip-replay", flags.skips_replay, "leave the replay out of the proof");
  app.add_option("--report", order.report_file, "write the report to this file too")
      ->type_name("FILE.json");
  app.add_flag("--in-process", flags.is_in_process)->group("");
}

} // namespace

int act_chaos(const invocation& call) {
  CLI::App app("Raises a storm on a job of processes, and proves that nothing was lost: processes "
               "are killed and stopped by a plan that the seed makes. Without a JOB, one that "
               "counts its updates exactly.",
               "chaos");
  job_flags flags;
  storm_flags own;
  storm_order order;
  add_job_options(app, flags, call.rows);
  add_storm_options(app, own, order);
  if (const auto status = parse(app, call)) return *status;
  auto reasons = read_flags(app, own, order) + check_file(flags.file);
  if (!reasons.empty()) return refuse(call.text, reasons);
  if (app.count("JOB") == 0) {
    const auto built_in = storm_job(order.kills);
    flags.set.insert(flags.set.begin(), built_in.begin(), built_in.end());
  }
  if (const auto status = read_job(app, flags, call, order.job)) return *status;
  reasons = find_obstacles(order.job);
  if (own.roles.empty() && order.job.job.topology.replicas == 0)
    std::erase_if(order.roles, [](const auto& each) { return each.role == actor_role::replica; });
  if (reasons.empty()) reasons = find_misfits(order);
  return reasons.empty() ? call.verbs.chaos(order) : refuse(call.text, reasons);
}

} // namespace lagrange
