#include "runtime/clock_table.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {
/// Worker numbers come from peers; a table never grows past this.
constexpr std::uint32_t workers_max = 1 << 20;
} // namespace

clock_table::clock_table(std::uint32_t workers) {
  LAGRANGE_EXPECT(workers <= workers_max, std::to_string(workers) + " workers");
  entries_.assign(workers,
                  entry{incarnation{1}, true, false, worker_clock{0}, std::nullopt, {}, {}});
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
    known = {life, true, false, clock, std::nullopt, {}, {}};
  } else if (!known.is_counted) {
    if (known.left && clock <= *known.left) return false;
    known.is_counted = true;
    known.clock = clock;
  }
  return true;
}

void clock_table::advances(worker_id worker, incarnation life, worker_clock clock, time_point now) {
  auto& known = at(worker);
  if (known.life != life || !known.is_counted || clock <= known.clock) return;
  known.clock = clock;
  if (known.moved != time_point{}) known.step = now - known.moved;
  known.moved = now;
}

void clock_table::leaves(worker_id worker, incarnation life, worker_clock clock) {
  auto& known = at(worker);
  if (known.life != life || !known.is_counted || clock < known.clock) return;
  known.is_counted = false;
  known.left = clock;
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
      known = {member.life, false, !member.live, {}, std::nullopt, {}, {}};
    } else if (!member.live && !known.is_dead) {
      dead.push_back(member.worker);
      known.is_counted = false;
      known.is_dead = true;
    }
  }
  return dead;
}

std::optional<worker_clock> clock_table::slowest() const {
  std::optional<worker_clock> least;
  for (const auto& known : entries_)
    if (known.is_counted && (!least || known.clock < *least)) least = known.clock;
  return least;
}

std::optional<worker_clock> clock_table::clock_of(worker_id worker) const {
  if (worker.value >= entries_.size() || !entries_[worker.value].is_counted) return std::nullopt;
  return entries_[worker.value].clock;
}

std::span<const live_clock> clock_table::live() const {
  live_.clear();
  for (std::uint32_t index = 0; index < entries_.size(); ++index)
    if (const auto& known = entries_[index]; known.is_counted)
      live_.push_back({{index}, known.clock, known.moved, known.step});
  return live_;
}

std::size_t clock_table::counted() const {
  return static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const entry& known) { return known.is_counted; }));
}

} // namespace lagrange::runtime
