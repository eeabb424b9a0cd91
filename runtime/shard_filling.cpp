// What a shard holds in the middle of its work, for a replica that begins there.
#include "runtime/checkpoint_part_fields.hpp"
#include "runtime/number_stream.hpp"
#include "runtime/shard.hpp"

namespace lagrange::runtime {

namespace {

constexpr std::size_t wire_workers_max = 1 << 20;

/// A set as its watermark and what is above it. False: there is no such set.
bool pass(number_stream& words, lease_set& x) {
  auto watermark = x.watermark();
  std::vector<std::pair<lease_id, lease_id>> above(x.above().begin(), x.above().end());
  if (!words(watermark, above)) return false;
  auto made = lease_set::of(watermark, above);
  if (made) x = std::move(*made);
  return made.has_value();
}

bool pass(number_stream& words, shard_state& x) {
  auto& c = x.counts;
  return words(x.cut, x.version, x.samples_applied, x.clock, x.round, x.rulings, x.last_taken,
               c.applied, c.entered, c.dropped, c.duplicates, c.lag_max, c.staleness,
               c.staleness_recent, c.lag_recent) &&
         pass(words, x.taken) && pass(words, x.entered);
}

} // namespace

std::vector<ops::tensor*> filled_arrays(shard_state& x) { return arrays_of(x); }

bool clock_table::pass(number_stream& words) {
  auto count = entries_.size();
  if (!words(view_, highest_, count) || count > wire_workers_max) return false;
  entries_.resize(count);
  clocks_.clear();
  for (auto& each : entries_) {
    words(each.life, each.is_counted, each.is_dead, each.clock, each.left, each.moved, each.step);
    if (each.is_counted) ++clocks_[each.clock];
  }
  is_live_old_ = true;
  return true;
}

bool shard::pass(number_stream& words) {
  return clocks_.pass(words) && words(unadmitted_, held_, switches_, cut_, hashed_, round_.clocks,
                                      unreported_, reporting_, settlement_number_);
}

std::optional<shard_filling> shard::begin_filling(shard_effects& out) {
  if (!round_.pushes.empty()) return std::nullopt;
  for (const auto& [worker, waiting] : parked_)
    out.refused.push_back({waiting.to, {errc::timed_out, "a replica begins here; ask again"}});
  parked_.clear();
  staged_.clear();
  copies_ = {};
  asked_for_.reset();
  shard_filling made{capture(cut_), {}};
  number_stream words;
  runtime::pass(words, *made.state);
  pass(words);
  made.numbers = words.words();
  return made;
}

std::shared_ptr<shard_state> shard::unfilled() {
  auto made = capture(cut_);
  for (auto* each : filled_arrays(*made))
    if (!each->empty()) *each = ops::tensor(each->type(), each->extents());
  return made;
}

result<void> shard::fill(const std::shared_ptr<shard_state>& with,
                         std::span<const std::uint64_t> numbers) {
  LAGRANGE_EXPECT(is_replica(), "a shard is filled");
  number_stream words(numbers);
  if (!runtime::pass(words, *with))
    return failure(errc::bad_frame, "the state that fills a replica is cut off");
  rulings_.erase(rulings_.begin() + 1, rulings_.end()); // the job's own: the state has all others
  restore(*with);
  if (!pass(words) || !words.is_whole())
    return failure(errc::bad_frame, "the state that fills a replica is cut off, or too long");
  return success();
}

} // namespace lagrange::runtime
