#include "runtime/feeder_past.hpp"

#include "runtime/feeder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

using id_range = std::pair<lease_id, lease_id>;
using id_ranges = std::vector<id_range>; ///< ascending; none touches another

id_ranges both(const id_ranges& a, const id_ranges& b) {
  id_ranges made;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    const auto begin = std::max(x->first, y->first), end = std::min(x->second, y->second);
    if (begin < end) made.emplace_back(begin, end);
    (x->second < y->second ? x : y)++;
  }
  return made;
}

/// What is in the first and not in the second.
id_ranges without(const id_ranges& a, const id_ranges& b) {
  id_ranges made;
  for (auto [begin, end] : a) {
    for (const auto& [from, to] : b) {
      if (to <= begin || from >= end) continue;
      if (from > begin) made.emplace_back(begin, from);
      begin = std::min(to, end);
    }
    if (begin < end) made.emplace_back(begin, end);
  }
  return made;
}

id_ranges either(const id_ranges& a, const id_ranges& b) {
  id_ranges all(a), made;
  all.insert(all.end(), b.begin(), b.end());
  std::ranges::sort(all);
  for (const auto& each : all)
    if (!made.empty() && each.first <= made.back().second)
      made.back().second = std::max(made.back().second, each.second);
    else
      made.push_back(each);
  return made;
}

/// Derives one past.
class deriving {
public:
  deriving(const feeder_options& dealt, std::span<const std::shared_ptr<const shard_state>> states,
           std::map<lease_id, std::uint32_t> batches)
      : dealt_(dealt), states_(states), per_epoch_(leases_of(dealt) / dealt.epochs),
        batches_(std::move(batches)) {}

  result<feeder_past> make() {
    BOOST_OUTCOME_TRY(check());
    auto closed = states_.front()->taken.ranges();
    id_ranges heard, applied;
    for (const auto& state : states_) {
      closed = both(closed, state->taken.ranges());
      heard = either(heard, state->taken.ranges());
      applied = either(applied, state->entered.ranges());
      made_.clock = std::max(made_.clock, state->clock);
    }
    made_.fresh = heard.empty() ? lease_id{} : heard.back().second;
    made_.round = states_.front()->round;
    if (!states_.front()->rulings.empty()) made_.policy = states_.front()->rulings.back().second;
    for (const auto& [begin, end] : closed)
      made_.closed.insert(begin, static_cast<std::uint32_t>(end.value - begin.value));
    for (const auto& [begin, end] : without(heard, closed)) open_taken(begin, end);
    for (const auto& [begin, end] : without({{{}, made_.fresh}}, heard)) open_unheard(begin, end);
    std::ranges::sort(made_.open, {}, &feeder_past::open_lease::id);
    count(closed, both(closed, applied));
    return std::move(made_);
  }

private:
  result<void> check() const {
    const auto refuse = [](const std::string& what) {
      return failure(errc::bad_file, "the parts of the cut do not belong together: " + what);
    };
    if (states_.size() != dealt_.shards)
      return refuse(fmt::format("{} shards, expected {}", states_.size(), dealt_.shards));
    for (std::uint32_t shard = 0; shard < states_.size(); ++shard) {
      const auto &own = *states_[shard], &first = *states_.front();
      if (own.shard.value != shard)
        return refuse(fmt::format("shard-{} where shard-{} was expected", own.shard.value, shard));
      if (own.cut != first.cut)
        return refuse(fmt::format("shard-{} is of cut {}, shard-0 of cut {}", shard, own.cut.value,
                                  first.cut.value));
      if (own.round != first.round || own.rulings != first.rulings)
        return refuse(fmt::format("shard-{} and shard-0 are in different rounds, or under "
                                  "different policies",
                                  shard));
      if (const auto ranges = own.taken.ranges();
          !ranges.empty() && ranges.back().second.value > leases_of(dealt_))
        return refuse(fmt::format("shard-{} has taken lease {}, but the job has only {}", shard,
                                  ranges.back().second.value - 1, leases_of(dealt_)));
    }
    return success();
  }

  std::uint32_t batches_at(lease_id id) const {
    const auto found = batches_.find(id);
    return found == batches_.end() ? 1 : found->second;
  }

  void open_taken(lease_id begin, lease_id end) {
    for (auto id = begin; id < end;) {
      feeder_past::open_lease open{id, batches_at(id), {}, false};
      for (const auto& state : states_) {
        if (state->taken.contains(id)) open.settled.insert(state->shard);
        open.is_applied |= state->entered.contains(id);
      }
      id.value += open.batches;
      made_.open.push_back(std::move(open));
    }
  }

  /// How they had been cut into leases nobody knows, and it does not matter any more.
  void open_unheard(lease_id begin, lease_id end) {
    for (auto id = begin; id < end;) {
      const auto rest = std::min(end.value, (id.value / per_epoch_ + 1) * per_epoch_) - id.value;
      const auto batches =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(dealt_.batches_max, rest));
      made_.open.push_back({id, batches, {}, false});
      id.value += batches;
    }
  }

  /// Of leases that have several batches, each counts once.
  std::uint64_t leases_in(const id_ranges& all) const {
    std::uint64_t count = 0;
    for (const auto& [begin, end] : all) {
      count += end.value - begin.value;
      const auto last = batches_.lower_bound(end);
      for (auto each = batches_.lower_bound(begin); each != last; ++each) count -= each->second - 1;
    }
    return count;
  }

  std::uint64_t samples_in(const id_ranges& all) const {
    const auto missing = per_epoch_ * dealt_.batch - dealt_.samples; // of an epoch's last batch
    std::uint64_t count = 0;
    for (const auto& [begin, end] : all)
      count += (end.value - begin.value) * dealt_.batch -
               (end.value / per_epoch_ - begin.value / per_epoch_) * missing;
    return count;
  }

  void count(const id_ranges& closed, const id_ranges& applied) {
    made_.applied = leases_in(applied);
    made_.dropped = leases_in(closed) - made_.applied;
    made_.issued = leases_in(closed) + made_.open.size();
    made_.samples = samples_in(applied);
  }

  const feeder_options& dealt_;
  std::span<const std::shared_ptr<const shard_state>> states_;
  std::uint64_t per_epoch_;
  std::map<lease_id, std::uint32_t> batches_;
  feeder_past made_;
};

} // namespace

result<feeder_past> make_past(const feeder_options& dealt,
                              std::span<const std::shared_ptr<const shard_state>> states,
                              std::map<lease_id, std::uint32_t> batches) {
  return deriving(dealt, states, std::move(batches)).make();
}

lease_attempt attempt_before(supervisor_term term) {
  LAGRANGE_EXPECT(term.value <= terms_max, "no attempts are left for term " + to_string(term));
  return {(std::max(term.value, 1U) - 1) * attempts_per_term};
}

incarnation feeder::first_life(worker_id worker) const {
  return worker.value < options_.lives.size() ? options_.lives[worker.value] : incarnation{1};
}

void feeder::take_up(const feeder_past& past) {
  if (!past.policy.empty() && options_.find_rule) rule_ = options_.find_rule(past.policy);
  LAGRANGE_EXPECT(!has_rounds() || past.open.empty(), "a cut inside a round");
  closed_ = past.closed;
  fresh_ = past.fresh;
  round_ = past.round;
  for (const auto& each : past.open) {
    auto& open = open_[each.id];
    open.what = {.id = each.id,
                 .attempt = attempt_before(options_.self.term),
                 .epoch = epoch_of(options_, each.id),
                 .batches = each.batches};
    open.settled = each.settled;
    open.is_applied = each.is_applied;
    again_.insert(each.id);
  }
  for (auto& [worker, known] : workers_) known.clock = past.clock;
  counts_.issued = past.issued;
  counts_.applied = past.applied;
  counts_.dropped = past.dropped;
  counts_.samples = past.samples;
}

} // namespace lagrange::runtime
