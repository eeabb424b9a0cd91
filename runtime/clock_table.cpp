#include "runtime/clock_table.hpp"

#include <algorithm>
#include <utility>

namespace lagrange::runtime {

namespace {
/// Worker numbers come from peers; a table never grows past this.
constexpr std::uint32_t workers_max = 1 << 20;
} // namespace

clock_table::clock_table(std::uint32_t workers, worker_clock start) {
  LAGRANGE_EXPECT(workers <= workers_max, std::to_string(workers) + " workers");
  entries_.assign(workers, entry{incarnation{1}, false, false, {}, std::nullopt, {}, {}, 0});
  for (auto& known : entries_) count_in(known, start);
  highest_ = start; // also of a table without workers
}

void clock_table::count_in(entry& known, worker_clock clock) {
  known.is_counted = true;
  known.clock = clock;
  highest_ = std::max(highest_, clock);
  ++clocks_[clock];
  is_live_old_ = true;
}

void clock_table::count_out(entry& known) {
  if (!known.is_counted) return;
  known.is_counted = false;
  if (const auto same = clocks_.find(known.clock); --same->second == 0) clocks_.erase(same);
  is_live_old_ = true;
}

clock_table::entry& clock_table::at(worker_id worker) {
  LAGRANGE_EXPECT(worker.value < workers_max, "worker number " + to_string(worker));
  if (worker.value >= entries_.size()) entries_.resize(worker.value + 1);
  return entries_[worker.value];
}

bool clock_table::is_fenced(worker_id worker, incarnation life) const {
  if (worker.value >= workers_max) return true;
  if (worker.value >= entries_.size()) return false;
  const auto& known = entries_[worker.value];
  return life < known.life || (life == known.life && known.is_dead);
}

bool clock_table::hears(worker_id worker, incarnation life, worker_clock clock) {
  if (is_fenced(worker, life)) return false;
  auto& known = at(worker);
  if (life > known.life) {
    count_out(known);
    known = {life, false, false, {}, std::nullopt, {}, {}, 0};
    count_in(known, clock);
  } else if (!known.is_counted) {
    if (known.left && clock <= *known.left) return false;
    count_in(known, clock);
  }
  return true;
}

void clock_table::advances(worker_id worker, incarnation life, worker_clock clock, time_point now) {
  auto& known = at(worker);
  if (known.life != life || !known.is_counted || clock <= known.clock) return;
  ++clocks_[clock];
  if (const auto old = clocks_.find(known.clock); --old->second == 0) clocks_.erase(old);
  known.clock = clock;
  highest_ = std::max(highest_, clock);
  if (known.moved != time_point{}) known.step = now - known.moved;
  known.moved = now;
  if (!is_live_old_) live_[known.place] = {worker, known.clock, known.moved, known.step};
}

void clock_table::leaves(worker_id worker, incarnation life, worker_clock clock) {
  auto& known = at(worker);
  if (known.life != life || !known.is_counted || clock < known.clock) return;
  count_out(known);
  known.left = clock;
  highest_ = std::max(highest_, clock);
}

std::vector<worker_id> clock_table::adopts(const membership_view& view) {
  std::vector<worker_id> dead;
  if (view.from.view <= view_) return dead;
  view_ = view.from.view;
  for (const auto& member : view.members) {
    auto& known = at(member.worker);
    if (member.life < known.life) continue; // a view that was made before this incarnation spoke
    if (member.life > known.life) {
      dead.push_back(member.worker);
      count_out(known);
      known = {member.life, false, !member.live, {}, std::nullopt, {}, {}, 0};
    } else if (!member.live && !known.is_dead) {
      dead.push_back(member.worker);
      count_out(known);
      known.is_dead = true;
    }
  }
  return dead;
}

std::optional<worker_clock> clock_table::slowest() const {
  if (clocks_.empty()) return std::nullopt;
  return clocks_.begin()->first;
}

std::optional<worker_clock> clock_table::clock_of(worker_id worker) const {
  if (worker.value >= entries_.size() || !entries_[worker.value].is_counted) return std::nullopt;
  return entries_[worker.value].clock;
}

std::span<const live_clock> clock_table::live() const {
  if (!std::exchange(is_live_old_, false)) return live_;
  live_.clear();
  for (std::uint32_t index = 0; index < entries_.size(); ++index) {
    const auto& known = entries_[index];
    if (!known.is_counted) continue;
    known.place = live_.size();
    live_.push_back({{index}, known.clock, known.moved, known.step});
  }
  return live_;
}

std::size_t clock_table::counted() const { return live().size(); }

} // namespace lagrange::runtime
