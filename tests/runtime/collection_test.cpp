// Laws of getting together what the shards of a job hold.
#include "runtime/collection.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <numeric>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t rows = 23;
const std::vector<ops::parameter_spec> specs{
    {"dense", {5}, {}},
    {"wide", {rows, 3}, {}, ops::parameter_spec::kind_type::table},
    {"narrow", {rows}, {}, ops::parameter_spec::kind_type::table}};

/// Shards whose rows say what they are: 100 table + row.
struct collection_probe {
  collection_probe(std::uint32_t shards, std::shared_ptr<const wanted_rows> wanted)
      : split(specs, shards), twin(options(std::move(wanted)), split) {}
  static collection_options options(std::shared_ptr<const wanted_rows> wanted) {
    collection_options made{stamp_of(actor_role::supervisor), 3, std::move(wanted)};
    made.piece_bytes = 24;
    return made;
  }

  pull_reply answer(shard_id shard, const snapshot_request& asked) const {
    pull_reply made;
    made.clock = {asked.sequence};
    if (asked.rows.empty()) {
      made.parameters = tensor_of({1});
      return made;
    }
    made.changed = false;
    std::vector<float> values;
    auto rest = asked.rows.rows.values<std::int32_t>();
    for (std::size_t table = 0; table < 2; ++table) {
      for (const auto row : rest.first(asked.rows.counts[table]))
        values.insert(values.end(), table == 0 ? 3 : 1,
                      static_cast<float>(100 * static_cast<std::int64_t>(table + 1) +
                                         split.global(shard, row)));
      rest = rest.subspan(asked.rows.counts[table]);
    }
    made.rows = tensor_of(values);
    return made;
  }
  /// Answers all that is asked; the last first.
  void run(collection::requests open) {
    while (!open.empty()) {
      const auto [shard, request] = open.back();
      open.pop_back();
      most = std::max<std::size_t>(most, request.rows.size());
      const auto more = twin.on_reply(shard, answer(shard, request), {}).value();
      open.insert(open.end(), more.begin(), more.end());
    }
  }

  table_split split;
  collection twin;
  std::size_t most = 0; ///< rows of one request
};

std::vector<float> values_of(const ops::tensor& x) {
  const auto values = x.values<float>();
  return {values.begin(), values.end()};
}

} // namespace

TEST_CASE("whole tables come together row by row, from any number of shards", "[runtime][tables]") {
  std::vector<float> wide, narrow;
  for (std::int64_t row = 0; row < rows; ++row) {
    wide.insert(wide.end(), 3, static_cast<float>(100 + row));
    narrow.push_back(static_cast<float>(200 + row));
  }
  for (const std::uint32_t shards : {1, 2, 5, 30}) {
    collection_probe probe(shards, std::make_shared<wanted_rows>());
    probe.run(probe.twin.start({}));
    REQUIRE(probe.twin.is_whole());
    CHECK(probe.most <= 6); // 24 bytes each, about
    const auto found = probe.twin.take();
    CHECK(found.shards.size() == shards);
    CHECK(values_of(found.tables[0]) == wide);
    CHECK(values_of(found.tables[1]) == narrow);
  }
}

TEST_CASE("an evaluation gets the rows it lists and no others", "[runtime][tables]") {
  auto wanted = std::make_shared<wanted_rows>();
  wanted->kind = wanted_rows::kind_type::listed;
  wanted->rows = {{1, 22}, {}};
  collection_probe probe(3, wanted);
  probe.run(probe.twin.start({}));
  const auto found = probe.twin.take();
  CHECK(values_of(found.tables[0]) == std::vector<float>{101, 101, 101, 122, 122, 122});
  CHECK(found.tables[1].elements() == 0);
}

TEST_CASE("without tables a collection is one snapshot of each shard", "[runtime][tables]") {
  collection_probe probe(2, nullptr);
  const auto open = probe.twin.start({});
  CHECK(open.size() == 2);
  probe.run(open);
  CHECK(probe.twin.is_whole());
}

TEST_CASE("what is not answered is asked again, and late answers change nothing",
          "[runtime][tables]") {
  collection_probe probe(2, std::make_shared<wanted_rows>());
  const auto first = probe.twin.start(at(0ms));
  CHECK(probe.twin.on_tick(at(900ms)).empty());
  const auto again = probe.twin.on_tick(at(1000ms));
  REQUIRE(again.size() == 2);
  CHECK(again[0].second.sequence == first[0].second.sequence);
  const auto reply = probe.answer({0}, first[0].second);
  const auto next = probe.twin.on_reply({0}, reply, at(1001ms)).value();
  CHECK(next.size() == 1);
  CHECK(probe.twin.on_reply({0}, reply, at(1002ms)).value().empty()); // the repeated one's
  auto foreign = probe.answer({1}, first[1].second);
  foreign.clock = {foreign.clock.value + (std::uint64_t{1} << 32)};
  CHECK(probe.twin.on_reply({1}, foreign, at(1003ms)).value().empty());
  probe.run({next[0], again[1]});
  CHECK(probe.twin.is_whole());
}

TEST_CASE("an answer that is none to what was asked is refused", "[runtime][tables]") {
  collection_probe probe(1, std::make_shared<wanted_rows>());
  const auto first = probe.twin.start({});
  auto empty = probe.answer({0}, first[0].second);
  empty.parameters = {};
  CHECK_FALSE(probe.twin.on_reply({0}, empty, {}));
  const auto next = probe.twin.on_reply({0}, probe.answer({0}, first[0].second), {}).value();
  auto wrong = probe.answer({0}, next[0].second);
  wrong.rows = tensor_of({1});
  CHECK_FALSE(probe.twin.on_reply({0}, wrong, {}));
  wrong.rows = {};
  CHECK_FALSE(probe.twin.on_reply({0}, wrong, {}));
}

} // namespace lagrange::tests
