#include "runtime/checkpoint_part_fields.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace lagrange::runtime {

namespace {

using named_values = shard_state::named_values;
using array_list = capnp::List<schema::StateArray>;

constexpr std::uint64_t elements_max = std::uint64_t{1} << 38; // of all arrays of a shard

std::uint64_t elements_of(const ops::tensor& x) {
  return x.empty() ? 0 : static_cast<std::uint64_t>(x.elements());
}

template <class List>
void put_numbers(List to, const std::vector<std::uint64_t>& from) {
  for (unsigned i = 0; i < to.size(); ++i) to.set(i, from[i]);
}

std::vector<std::uint64_t> numbers_of(capnp::List<std::uint64_t>::Reader from) {
  std::vector<std::uint64_t> made;
  for (const auto each : from) made.push_back(each);
  return made;
}

std::string text_of(capnp::Text::Reader from) { return {from.begin(), from.size()}; }

void put_states(array_list::Builder to, const std::vector<named_values>& from) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setName(from[i].name);
    to[i].setElements(elements_of(from[i].values));
  }
}

void put_set(schema::LeaseSet::Builder to, const lease_set& from) {
  to.setWatermark(from.watermark().value);
  const auto ranges = static_cast<unsigned>(from.above().size());
  auto begins = to.initBegins(ranges);
  auto ends = to.initEnds(ranges);
  unsigned at = 0;
  for (const auto& [begin, end] : from.above()) {
    begins.set(at, begin.value);
    ends.set(at++, end.value);
  }
}

void put_counts(schema::ShardCounts::Builder to, const shard_report& from) {
  const auto size = [](const auto& list) { return static_cast<unsigned>(list.size()); };
  to.setApplied(from.applied);
  to.setEntered(from.entered);
  to.setDropped(from.dropped);
  to.setDuplicates(from.duplicates);
  to.setLagMax(from.lag_max);
  put_numbers(to.initStaleness(size(from.staleness)), from.staleness);
  put_numbers(to.initStalenessRecent(size(from.staleness_recent)), from.staleness_recent);
  put_numbers(to.initLagRecent(size(from.lag_recent)), from.lag_recent);
}

shard_report counts_of(schema::ShardCounts::Reader from) {
  shard_report made;
  made.applied = from.getApplied();
  made.entered = from.getEntered();
  made.dropped = from.getDropped();
  made.duplicates = from.getDuplicates();
  made.lag_max = from.getLagMax();
  made.staleness = numbers_of(from.getStaleness());
  made.staleness_recent = numbers_of(from.getStalenessRecent());
  made.lag_recent = numbers_of(from.getLagRecent());
  return made;
}

/// One value, or as many as what it belongs to.
result<std::vector<named_values>> states_of(array_list::Reader from, std::uint64_t values,
                                            const part_reader& in) {
  std::vector<named_values> made;
  for (auto each : from) {
    const auto name = text_of(each.getName());
    if (each.getElements() != values && each.getElements() != 1)
      return in.damage(
          fmt::format("its {} has {} elements for {} values", name, each.getElements(), values));
    BOOST_OUTCOME_TRY(array, array_of(ops::dtype::f32, each.getElements(), in));
    made.push_back({name, array});
  }
  return made;
}

result<lease_set> set_of(schema::LeaseSet::Reader from, std::string_view name,
                         const part_reader& in) {
  const auto begins = from.getBegins(), ends = from.getEnds();
  if (begins.size() != ends.size())
    return in.damage(fmt::format("its {} leases are ranges with {} begins and {} ends", name,
                                 begins.size(), ends.size()));
  std::vector<std::pair<lease_id, lease_id>> ranges;
  for (unsigned i = 0; i < begins.size(); ++i)
    ranges.push_back({lease_id{begins[i]}, lease_id{ends[i]}});
  const auto made = lease_set::of({from.getWatermark()}, ranges);
  if (!made) return in.damage(fmt::format("its {} leases are ranges that are none", name));
  return *made;
}

result<shard_state::table> table_of(schema::TableState::Reader from, const part_reader& in) {
  constexpr std::uint64_t rows_max = std::numeric_limits<std::int32_t>::max();
  if (from.getRows() > rows_max || from.getWidth() == 0 || from.getPresent() > from.getRows() ||
      (!from.getIsPartial() && from.getPresent() != from.getRows()))
    return in.damage(fmt::format("it has {} of {} rows of width {} of tensor {}", from.getPresent(),
                                 from.getRows(), from.getWidth(), from.getTensor()));
  shard_state::table made;
  made.shape = {from.getTensor(), static_cast<std::int64_t>(from.getRows()), from.getWidth()};
  const auto elements = from.getPresent() * from.getWidth();
  if (from.getIsPartial()) {
    BOOST_OUTCOME_TRY(rows, array_of(ops::dtype::i32, from.getPresent(), in));
    made.rows = rows;
  }
  BOOST_OUTCOME_TRY(values, array_of(ops::dtype::f32, elements, in));
  made.values = values;
  BOOST_OUTCOME_TRY(optimizer, states_of(from.getOptimizer(), elements, in));
  made.optimizer = std::move(optimizer);
  return made;
}

/// Calls `add` with each array of the state, in order.
template <class State, class Add>
void each_array(State& x, const Add& add) {
  const auto add_states = [&](auto& states) {
    for (auto& each : states) add(each.values);
  };
  add(x.values);
  add_states(x.optimizer);
  add(x.compensation);
  for (auto& table : x.tables) {
    add(table.rows);
    add(table.values);
    add_states(table.optimizer);
  }
}

void put_history(schema::ShardState::Builder to, const shard_state& x) {
  put_set(to.initTaken(), x.taken);
  put_set(to.initEntered(), x.entered);
  auto rulings = to.initRulings(static_cast<unsigned>(x.rulings.size()));
  for (unsigned i = 0; i < rulings.size(); ++i) {
    rulings[i].setFirst(x.rulings[i].first.value);
    rulings[i].setPolicy(x.rulings[i].second);
  }
  auto taken = to.initTakenLast(static_cast<unsigned>(x.last_taken.size()));
  unsigned at = 0;
  for (const auto& [worker, last] : x.last_taken) {
    auto each = taken[at++];
    each.setWorker(worker.value);
    each.setLease(last[0].what.value);
    each.setAttempt(last[0].attempt.value);
    each.setLeaseBefore(last[1].what.value);
    each.setAttemptBefore(last[1].attempt.value);
  }
  put_counts(to.initCounts(), x.counts);
}

result<void> read_history(schema::ShardState::Reader from, const part_reader& in, shard_state& x) {
  BOOST_OUTCOME_TRY(taken, set_of(from.getTaken(), "taken", in));
  BOOST_OUTCOME_TRY(entered, set_of(from.getEntered(), "entered", in));
  x.taken = taken;
  x.entered = entered;
  for (auto each : from.getRulings())
    x.rulings.emplace_back(worker_clock{each.getFirst()}, text_of(each.getPolicy()));
  for (auto each : from.getTakenLast())
    x.last_taken[{each.getWorker()}] = {
        lease_attempt_id{{each.getLease()}, {each.getAttempt()}},
        lease_attempt_id{{each.getLeaseBefore()}, {each.getAttemptBefore()}}};
  x.counts = counts_of(from.getCounts());
  return success();
}

} // namespace

std::vector<const ops::tensor*> arrays_of(const shard_state& x) {
  std::vector<const ops::tensor*> made;
  each_array(x, [&](const ops::tensor& array) {
    if (!array.empty()) made.push_back(&array);
  });
  return made;
}

std::vector<ops::tensor*> arrays_of(shard_state& x) {
  std::vector<ops::tensor*> made;
  each_array(x, [&](ops::tensor& array) {
    if (!array.empty()) made.push_back(&array);
  });
  return made;
}

void put_fields(schema::ShardState::Builder to, const shard_state& x) {
  to.setShard(x.shard.value);
  to.setShards(x.shards);
  to.setCut(x.cut.value);
  to.setBase(x.base.value);
  to.setVersion(x.version.value);
  to.setRecords(x.records);
  to.setSamples(x.samples_applied);
  to.setElements(elements_of(x.values));
  put_states(to.initOptimizer(static_cast<unsigned>(x.optimizer.size())), x.optimizer);
  to.setCompensation(elements_of(x.compensation));
  auto tables = to.initTables(static_cast<unsigned>(x.tables.size()));
  for (unsigned i = 0; i < tables.size(); ++i) {
    const auto& from = x.tables[i];
    const bool is_partial = !from.rows.empty();
    tables[i].setTensor(from.shape.tensor);
    tables[i].setRows(static_cast<std::uint64_t>(from.shape.rows));
    tables[i].setWidth(static_cast<std::uint32_t>(from.shape.width));
    tables[i].setIsPartial(is_partial);
    tables[i].setPresent(is_partial ? elements_of(from.rows)
                                    : static_cast<std::uint64_t>(from.shape.rows));
    put_states(tables[i].initOptimizer(static_cast<unsigned>(from.optimizer.size())),
               from.optimizer);
  }
  to.setClock(x.clock.value);
  to.setRound(x.round);
  put_history(to, x);
}

result<ops::tensor> array_of(ops::dtype type, std::uint64_t elements, const part_reader& in) {
  if (elements > elements_max)
    return in.damage(fmt::format("it has an array of {} elements", elements));
  return ops::tensor(type, {static_cast<std::int64_t>(elements)});
}

result<shard_state> read_fields(schema::ShardState::Reader from, const part_reader& in) {
  shard_state made;
  made.shard = {from.getShard()};
  made.shards = from.getShards();
  made.cut = {from.getCut()};
  made.base = {from.getBase()};
  made.version = {from.getVersion()};
  made.records = from.getRecords();
  made.samples_applied = from.getSamples();
  BOOST_OUTCOME_TRY(values, array_of(ops::dtype::f32, from.getElements(), in));
  made.values = values;
  BOOST_OUTCOME_TRY(optimizer, states_of(from.getOptimizer(), from.getElements(), in));
  made.optimizer = std::move(optimizer);
  if (const auto found = from.getCompensation(); found != 0 && found != from.getElements())
    return in.damage(
        fmt::format("its compensation has {} elements for {} values", found, from.getElements()));
  BOOST_OUTCOME_TRY(compensation, array_of(ops::dtype::f32, from.getCompensation(), in));
  made.compensation = compensation;
  for (auto each : from.getTables()) {
    BOOST_OUTCOME_TRY(table, table_of(each, in));
    made.tables.push_back(std::move(table));
  }
  made.clock = {from.getClock()};
  made.round = from.getRound();
  BOOST_OUTCOME_TRY(read_history(from, in, made));
  return made;
}

std::string find_row_defect(const shard_state& x) {
  for (const auto& table : x.tables) {
    if (table.rows.empty()) continue;
    if (x.base.value == 0 || x.base >= x.cut)
      return fmt::format("it has some rows of a table, but names cut {} for the others",
                         x.base.value);
    std::int64_t last = -1;
    for (const auto row : table.rows.values<std::int32_t>()) {
      if (row <= last || row >= table.shape.rows)
        return fmt::format("it has row {} of {} behind row {}", row, table.shape.rows, last);
      last = row;
    }
  }
  return {};
}

} // namespace lagrange::runtime
