#include "apps/storm_proof.hpp"

#include "apps/left_behind.hpp"
#include "apps/run_folder.hpp"
#include "apps/struck_job.hpp"
#include "runtime/checkpoint.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace lagrange::apps {

using namespace runtime;
using nlohmann::json;

namespace {

/// EN-1: so long after its end nothing of a job may be left.
constexpr std::chrono::seconds gone_patience{10};
constexpr std::chrono::minutes audit_patience{10};
constexpr std::chrono::hours replay_patience{1};

claim holds(std::string text) { return {true, std::move(text)}; }
claim fails(std::string text) { return {false, std::move(text)}; }

claim prove_done(const proof_request& of) {
  const auto text = read_run_file(of.run / "summary.json");
  if (!text) return fails("the job did not end: " + text.error().text);
  const auto found = json::parse(text.value(), nullptr, false);
  const auto outcome = found.is_object() ? found.value("outcome", "") : "";
  if (outcome != "done") return fails("the job ended, but its outcome is " + outcome);
  return holds("the job ended, done");
}

/// The last line of what a verb said, as an object.
json object_in(const std::string& text) {
  const auto begin = text.find('{');
  return begin == text.npos ? json() : json::parse(text.substr(begin), nullptr, false);
}

struct audited {
  claim what;
  std::optional<std::uint64_t> applied; ///< leases
};

audited prove_audit(const proof_request& of) {
  const auto run = run_program({"audit", of.run.string(), "--json"}, audit_patience);
  if (!run) return {fails(run.error().text), {}};
  const auto found = object_in(run.value().text);
  if (run.value().status != 0 || !found.is_object() || !found.value("holds", false))
    return {fails(fmt::format("the audit found a breach: {}", run.value().text)), {}};
  const auto applied = found.value("applied", std::uint64_t{0});
  return {holds(fmt::format("every sample of every epoch was applied exactly once or dropped by "
                            "rule: {} leases, {} applied, {} dropped, 0 lost, 0 twice",
                            found.value("leases", std::uint64_t{0}), applied,
                            found.value("dropped", std::uint64_t{0}))),
          applied};
}

/// The shards' updates, where they are alike.
std::optional<std::uint64_t> updates_in(const checkpoint& x) {
  if (x.shards.empty()) return std::nullopt;
  const auto first = x.shards.front().version;
  const bool are_alike =
      std::ranges::all_of(x.shards, [&](const auto& each) { return each.version == first; });
  return are_alike ? std::optional(first.value) : std::nullopt;
}

bool has_rounds(const job& x, const catalog& rows) {
  return make_policy(rows.policies, x.staleness.policy).value()->arrivals() == arrival::round;
}

claim prove_count(const proof_request& of, std::optional<std::uint64_t> applied) {
  const auto found = read_checkpoint(of.run / "parameters.ckpt");
  if (!found) return fails("the parameters cannot be read: " + found.error().text);
  const auto values = found.value().values.values<float>();
  const auto updates = updates_in(found.value());
  if (!updates) return fails("the shards end with different numbers of updates");
  // Under rounds several leases are one update.
  const bool is_by_lease = !has_rounds(of.job, of.rows) && of.job.staleness.switches.empty();
  if (is_by_lease && applied && *applied != *updates)
    return fails(
        fmt::format("{} leases were applied, but the shards made {} updates", *applied, *updates));
  const auto wanted = -static_cast<float>(*updates);
  const auto wrong = std::ranges::find_if(values, [&](float each) { return each != wanted; });
  if (values.empty() || wrong != values.end())
    return fails(fmt::format("parameter {} is {}, expected {}: the sum of {} gradients of 1",
                             wrong - values.begin(), values.empty() ? 0 : *wrong, wanted,
                             *updates));
  return holds(fmt::format("each of {} parameters is exactly {:.0f}, minus the number of {}",
                           values.size(), wanted, is_by_lease ? "leases" : "updates"));
}

claim prove_replay(const proof_request& of) {
  const auto run = run_program({"replay", of.run.string(), "--json"}, replay_patience);
  if (!run) return fails(run.error().text);
  const auto found = object_in(run.value().text);
  if (run.value().status == 0 && found.is_object() && found.value("bit_exact", false))
    return holds(fmt::format("the run replays bit by bit: {} updates, sha256 {}",
                             found.value("updates", std::uint64_t{0}), found.value("sha256", "")));
  return fails("the run does not replay: " + run.value().text);
}

claim prove_gone(const proof_request& of) {
  const auto left = left_behind(of.run, of.supervisors, gone_patience);
  if (left.empty())
    return holds("nothing is left behind: no process, no socket, no shared memory, no unfinished "
                 "file");
  return fails(fmt::format("left behind: {}", fmt::join(left, ", ")));
}

} // namespace

std::string no_count_because(const job& x) {
  const auto& step = x.optimizer;
  if (x.model.name != "count" || !x.model.layers.empty()) return "its model is not count";
  if (step.name != "sgd" || step.options.rate != 1 || step.options.momentum != 0 ||
      step.options.weight_decay != 0 || step.clip_norm != 0 || step.schedule != "constant" ||
      step.warmup != training_span{})
    return "its optimizer is not sgd at rate 1 and nothing else";
  if (x.staleness.weight != "none" || x.staleness.compensation != "none" || x.staleness.is_local())
    return "its gradients are weighted or compensated, or it takes local steps";
  if (x.codec.push != "none" && x.codec.push != "f16" && x.codec.push != "bf16")
    return "its codec leaves something unsent";
  return {};
}

std::vector<claim> prove(const proof_request& of) {
  std::vector<claim> made{prove_done(of)};
  const auto audit = prove_audit(of);
  made.push_back(audit.what);
  if (made.front().holds && no_count_because(of.job).empty())
    made.push_back(prove_count(of, audit.applied));
  const bool is_on_cpu =
      std::ranges::all_of(of.job.topology.devices, [](const auto& each) { return each == "cpu"; });
  if (of.replays && is_on_cpu) made.push_back(prove_replay(of));
  made.push_back(prove_gone(of));
  return made;
}

} // namespace lagrange::apps
