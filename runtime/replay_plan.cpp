#include "runtime/replay_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace lagrange::runtime {

namespace {

bool is_of_push(journal_kind kind) {
  return kind == journal_kind::applied || kind == journal_kind::dropped ||
         kind == journal_kind::duplicate || kind == journal_kind::kept;
}

/// A worker's life and clock: which step, or which pull.
using moment = std::tuple<worker_id, incarnation, worker_clock>;
moment moment_of(const journal_entry& x) { return {x.worker, x.life, x.clock}; }
moment moment_of(const replay_step& x) { return {x.worker, x.life, x.clock}; }

/// Which push: no two of a job have the same.
using push_name = std::pair<lease_id, lease_attempt>;
push_name name_of(const journal_entry& x) { return {x.what, x.attempt}; }

class planner {
public:
  explicit planner(std::span<const journal> journals) : journals_(journals) {}

  result<replay_plan> make() {
    find_steps();
    plan_.shards.resize(journals_.size());
    for (std::uint32_t shard = 0; shard < journals_.size(); ++shard) {
      served_.clear();
      taken_.clear();
      version_ = {};
      for (const auto& entry : journals_[shard].entries) {
        BOOST_OUTCOME_TRY(see(shard, entry));
      }
      complete(shard);
    }
    return std::move(plan_);
  }

private:
  /// A worker sends a push when the one before has been answered by all shards. So in every
  /// journal its pushes have the same order, and only the last one of a life may be missing in
  /// some.
  void find_steps() {
    std::map<push_name, std::size_t> seen;
    for (const auto& each : journals_)
      for (const auto& entry : each.entries) {
        if (!is_of_push(entry.kind)) continue;
        const auto [place, is_new] = seen.emplace(name_of(entry), plan_.steps.size());
        if (is_new)
          plan_.steps.push_back({entry.worker,
                                 entry.life,
                                 entry.clock,
                                 {entry.what, entry.attempt},
                                 entry.samples,
                                 false,
                                 std::vector<step_at_shard>(journals_.size())});
        auto& step = plan_.steps[place->second];
        step.samples = std::max(step.samples, entry.samples);
        step.was_dropped |= entry.kind == journal_kind::dropped;
      }
    std::ranges::stable_sort(plan_.steps, {}, [](const replay_step& x) { return moment_of(x); });
    for (std::size_t place = 0; place < plan_.steps.size(); ++place)
      places_[{plan_.steps[place].what.what, plan_.steps[place].what.attempt}] = place;
  }

  auto breach(std::uint32_t shard, const journal_entry& entry, const std::string& what) const {
    return failure(errc::bad_file,
                   fmt::format("the journal of shard-{} cannot be true: lease {}, attempt {} of "
                               "worker-{} {}; run lagrange audit on the run",
                               shard, entry.what.value, entry.attempt.value, entry.worker.value,
                               what));
  }

  result<void> see(std::uint32_t shard, const journal_entry& entry) {
    if (entry.kind == journal_kind::served) {
      auto& versions = served_[moment_of(entry)];
      if (versions.empty() || versions.back() != entry.version) versions.push_back(entry.version);
    }
    if (entry.kind == journal_kind::state)
      plan_.shards[shard].states.emplace(entry.version, entry.digest);
    if (!is_of_push(entry.kind)) return success();
    auto& step = plan_.steps[places_.at(name_of(entry))];
    auto& here = step.shards[shard];
    if (moment_of(step) != moment_of(entry))
      return breach(shard, entry,
                    "was made by somebody else, or at another clock, as another says");
    if (entry.read > entry.version) return breach(shard, entry, "was read before it was there");
    here.read = {entry.read};
    if (entry.kind == journal_kind::duplicate) {
      if (here.fate == push_fate::unseen) here.fate = push_fate::refused;
      return success();
    }
    const bool was_kept = here.fate == push_fate::taken; // of a round, and not applied yet
    if (!was_kept) taken_[step.worker].push_back(places_.at(name_of(entry)));
    here.fate = push_fate::taken;
    here.clip_scale = entry.clip_scale;
    if (entry.kind == journal_kind::applied) return see_applied(shard, entry, here, was_kept);
    return success();
  }

  result<void> see_applied(std::uint32_t shard, const journal_entry& entry, step_at_shard& here,
                           bool is_round) {
    if (here.update) return breach(shard, entry, "was applied twice");
    auto& updates = plan_.shards[shard].updates;
    if (entry.version == version_.next()) {
      updates.push_back({entry.version, {}, is_round});
      version_ = entry.version;
    } else if (entry.version != version_ || updates.empty()) {
      return breach(
          shard, entry,
          fmt::format("made version {} of version {}", entry.version.value, version_.value));
    }
    updates.back().steps.push_back(places_.at(name_of(entry)));
    here.update = entry.version;
    here.has_checksum = true;
    here.checksum = entry.checksum;
    here.is_compensated = entry.is_compensated;
    return success();
  }

  /// What only the whole journal of a shard can tell.
  void complete(std::uint32_t shard) {
    const auto is_of = [](const replay_step* other, const replay_step& step) {
      return other && other->worker == step.worker && other->life == step.life;
    };
    for (std::size_t place = 0; place < plan_.steps.size(); ++place) {
      auto& step = plan_.steps[place];
      auto& here = step.shards[shard];
      if (here.read.empty()) here.read = served_[moment_of(step)];
      const auto* before = place > 0 ? &plan_.steps[place - 1] : nullptr;
      const auto* after = place + 1 < plan_.steps.size() ? &plan_.steps[place + 1] : nullptr;
      if (!is_of(before, step) || !is_of(after, step)) here.taken_before = taken_before(place);
    }
  }

  /// A worker's places are in the order of its steps.
  std::array<lease_attempt_id, 2> taken_before(std::size_t place) {
    std::array<lease_attempt_id, 2> made{};
    for (const auto taken : taken_[plan_.steps[place].worker])
      if (taken < place) made = {plan_.steps[taken].what, made[0]};
    return made;
  }

  std::span<const journal> journals_;
  replay_plan plan_;
  std::map<push_name, std::size_t> places_; ///< of steps
  // Of the shard that is looked at:
  std::map<moment, std::vector<shard_version>> served_;
  std::map<worker_id, std::vector<std::size_t>> taken_; ///< steps, in order
  shard_version version_;
};

} // namespace

result<replay_plan> make_replay_plan(std::span<const journal> journals) {
  return planner(journals).make();
}

} // namespace lagrange::runtime
