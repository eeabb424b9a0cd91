// What a shard has to know to go on: copied out of one at a cut, and into another one.
#include "ops/parallel.hpp"
#include "runtime/shard.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

using named_values = shard_state::named_values;

/// Steps go on in place while the copy is written to a disk: there is no way around it.
ops::tensor copy_of(std::span<const float> from, int threads) {
  ops::tensor made(ops::dtype::f32, {std::ssize(from)});
  const auto to = made.values<float>();
  ops::in_parts(from.size(), threads, [&](std::size_t first, std::size_t count) {
    std::ranges::copy(from.subspan(first, count), to.subspan(first, count).begin());
  });
  return made;
}

std::vector<named_values> copy_of(ops::optimizer& from, int threads) {
  std::vector<named_values> made;
  for (const auto& part : from.state())
    made.push_back({std::string(part.name), copy_of(part.values, threads)});
  return made;
}

void put(const ops::tensor& from, std::span<float> to, std::string_view what) {
  const auto elements = from.empty() ? 0 : static_cast<std::size_t>(from.elements());
  LAGRANGE_EXPECT(elements == to.size(), "a captured state has " + std::to_string(elements) +
                                             " values of " + std::string(what) + ", expected " +
                                             std::to_string(to.size()));
  if (!to.empty()) std::ranges::copy(from.values<float>(), to.begin());
}

void put(std::span<const named_values> from, ops::optimizer& to, std::string_view what) {
  const auto state = to.state();
  const auto is_same = [](const named_values& x, const ops::optimizer_state& y) {
    return x.name == y.name;
  };
  LAGRANGE_EXPECT(std::ranges::equal(from, state, is_same),
                  "a captured state is of another optimizer of " + std::string(what));
  for (std::size_t i = 0; i < state.size(); ++i) put(from[i].values, state[i].values, from[i].name);
}

/// Counts by bin, in so many bins; the last one holds all above.
std::vector<std::uint64_t> in_bins(std::vector<std::uint64_t> counts, std::size_t bins) {
  while (counts.size() > bins) {
    const auto last = counts.back();
    counts.pop_back();
    counts.back() += last;
  }
  counts.resize(bins);
  return counts;
}

} // namespace

// ---- numbers ------------------------------------------------------------------------------------

void shard_tables::capture(shard_state& out, int threads) const {
  for (const auto& table : tables_)
    out.tables.push_back(
        {table.shape, {}, copy_of(table.values, threads), copy_of(*table.optimizer, threads)});
}

void shard_tables::restore(const shard_state& from) {
  LAGRANGE_EXPECT(from.tables.size() == tables_.size(),
                  "a captured state has " + std::to_string(from.tables.size()) +
                      " tables, expected " + std::to_string(tables_.size()));
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    const auto name = "table " + std::to_string(i);
    LAGRANGE_EXPECT(from.tables[i].shape == tables_[i].shape,
                    "a captured state has rows of another shape in " + name);
    put(from.tables[i].values, tables_[i].values, name);
    put(from.tables[i].optimizer, *tables_[i].optimizer, name);
  }
}

void shard_parameters::capture(shard_version now, shard_state& out) {
  out.samples_applied = samples_applied_;
  out.values = snapshot(now);
  out.optimizer = copy_of(*options_.optimizer, options_.threads);
  out.compensation = copy_of(compensates() ? options_.compensation->state() : std::span<float>(),
                             options_.threads);
  tables_.capture(out, options_.threads);
}

void shard_parameters::restore(const shard_state& from) {
  samples_applied_ = from.samples_applied;
  put(from.values, options_.values, "parameters");
  put(from.optimizer, *options_.optimizer, "parameters");
  put(from.compensation, compensates() ? options_.compensation->state() : std::span<float>(),
      "compensation");
  tables_.restore(from);
}

// ---- the rest -----------------------------------------------------------------------------------

std::shared_ptr<shard_state> shard::capture(cut_number cut) {
  LAGRANGE_EXPECT(round_.pushes.empty(), "a cut inside a round");
  auto made = std::make_shared<shard_state>();
  made->shard = options_.id;
  made->shards = options_.shards;
  made->cut = cut;
  made->version = version_;
  parameters_.capture(version_, *made);
  made->taken = taken_;
  made->entered = entered_;
  made->clock = std::max(clocks_.highest(), worker_clock{round_.number});
  made->round = round_.number;
  for (const auto& each : rulings_)
    if (!each.text.empty()) made->rulings.emplace_back(each.first, each.text);
  made->last_taken = last_taken_;
  made->counts = counts_;
  return made;
}

void shard::restore(const shard_state& from) {
  LAGRANGE_EXPECT(from.shard == options_.id && from.shards == options_.shards,
                  "shard " + to_string(options_.id) + " of " + std::to_string(options_.shards) +
                      " restored from the state of shard " + to_string(from.shard) + " of " +
                      std::to_string(from.shards));
  parameters_.restore(from);
  version_ = from.version;
  clocks_ = clock_table(options_.workers, from.clock);
  unadmitted_ = from.clock;
  for (const auto& [first, text] : from.rulings) {
    LAGRANGE_EXPECT(options_.find_policy != nullptr, "a shard that knows one policy alone");
    auto made = options_.find_policy(text);
    LAGRANGE_EXPECT(made.has_value(), "a captured state names no policy: " + text);
    rule(std::move(made.value()), first);
    rulings_.back().text = text;
  }
  taken_ = from.taken;
  entered_ = from.entered;
  round_.number = from.round;
  last_taken_ = from.last_taken;
  const auto own = std::exchange(counts_, from.counts); // of the sizes that are due
  counts_.staleness = in_bins(std::move(counts_.staleness), own.staleness.size());
  counts_.staleness_recent.resize(options_.room());
  counts_.lag_recent.resize(options_.room());
}

} // namespace lagrange::runtime
