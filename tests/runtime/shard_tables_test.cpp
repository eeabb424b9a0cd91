// Laws of a shard's part of the tables: which rows it has, what a push does to them, what it
// refuses.
#include "runtime/shard_memory.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <limits>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr std::int64_t width = 2;

shard_table table_of(std::uint32_t tensor, std::int64_t rows, std::int64_t of_width) {
  const auto elements = static_cast<std::size_t>(rows * of_width);
  return {{tensor, rows, of_width},
          std::vector<float>(elements, 0.0F),
          ops::make_sgd(elements, {.rate = 1})};
}

/// A shard of 4 numbers, of 6 rows of two numbers, and of 3 of one; all zero, steps of -gradient.
shard_options shard_with_tables(std::string_view policy, std::size_t elements = 4) {
  auto made = shard_of(policy, 2, elements);
  made.parameters.tables.push_back(table_of(1, 6, width));
  made.parameters.tables.push_back(table_of(2, 3, 1));
  return made;
}

table_rows rows_of(std::vector<std::int32_t> first, std::vector<std::int32_t> second = {}) {
  table_rows made;
  made.counts = {static_cast<std::uint32_t>(first.size()),
                 static_cast<std::uint32_t>(second.size())};
  first.insert(first.end(), second.begin(), second.end());
  made.rows = ops::tensor(ops::dtype::i32, {std::ssize(first)});
  std::ranges::copy(first, made.rows.values<std::int32_t>().begin());
  return made;
}

/// A frame of rows, each element of whose gradient is `value`.
gradient_push row_push(std::uint64_t clock, std::uint64_t lease, const table_rows& rows,
                       float value = 1) {
  auto made = push_of(worker_stamp(0), clock, lease);
  made.gradient = {};
  made.rows = rows;
  made.row_gradient = tensor_of(std::vector<float>(rows.counts[0] * width + rows.counts[1], value));
  return made;
}

/// A push of a gradient of ones and of these rows.
std::vector<gradient_push> whole_push_of(std::uint64_t clock, std::uint64_t lease,
                                         const table_rows& rows, float value = 1) {
  std::vector<gradient_push> made{push_of(worker_stamp(0), clock, lease, value),
                                  row_push(clock, lease, rows, value)};
  for (std::uint32_t i = 0; i < 2; ++i) made[i].frame = i, made[i].frames = 2;
  return made;
}

std::vector<float> rows_in(shard_probe& shard, const table_rows& rows) {
  const auto held = shard.twin.on_snapshot({{}, 0, rows}).value();
  CHECK_FALSE(held.changed);
  const auto values = held.rows.values<float>();
  return {values.begin(), values.end()};
}

const auto every_row = [] { return rows_of({0, 1, 2, 3, 4, 5}, {0, 1, 2}); };

std::string refusal(const shard_effects& effects) {
  if (effects.refused.empty()) return "taken";
  CHECK(effects.refused.front().what.code == errc::bad_frame);
  return effects.refused.front().what.text;
}

} // namespace

TEST_CASE("SH-1: rows and the rest of a push are one step and one version", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp"));
  const auto frames = whole_push_of(0, 1, rows_of({1, 4}, {2}));
  CHECK(shard.push(frames[1]).pushes.front().what.outcome == push_outcome::partial);
  CHECK(rows_in(shard, every_row()) == std::vector<float>(15, 0.0F));
  CHECK(shard.push(frames[0]).pushes.front().what.outcome == push_outcome::taken);
  CHECK(shard.version() == 1);
  CHECK(rows_in(shard, every_row()) ==
        std::vector<float>{0, 0, -1, -1, 0, 0, 0, 0, -1, -1, 0, 0, 0, 0, -1});
  CHECK(shard.parameters() == std::vector<float>(4, 1));
}

TEST_CASE("SH-2: a lease that is pushed twice steps its rows once", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp"));
  for (int i = 0; i < 2; ++i)
    for (const auto& frame : whole_push_of(0, 1, rows_of({3}))) shard.push(frame);
  CHECK(rows_in(shard, rows_of({3})) == std::vector<float>{-1, -1});
}

TEST_CASE("a skipped push moves no row", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp"));
  auto push = push_of(worker_stamp(0), 0, 1);
  push.gradient = {};
  push.verdict = push_verdict::skip;
  CHECK(shard.push(push).pushes.front().what.outcome == push_outcome::taken);
  CHECK(rows_in(shard, every_row()) == std::vector<float>(15, 0.0F));
}

TEST_CASE("a shard of tables alone takes pushes of rows, and of none", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp", 0));
  CHECK(shard.push(row_push(0, 1, rows_of({0}))).refused.empty());
  CHECK(shard.push(row_push(1, 2, rows_of({}))).refused.empty());
  CHECK(shard.version() == 2);
  CHECK(rows_in(shard, rows_of({0})) == std::vector<float>{-1, -1});
  auto pull = pull_of(worker_stamp(0), 2);
  pull.rows = rows_of({0}, {1});
  const auto reply = shard.pull(pull).pulls.front().what;
  CHECK(reply.changed);
  CHECK(reply.parameters.elements() == 0);
  CHECK(reply.rows.elements() == 3);
}

TEST_CASE("an unchanged copy comes with rows as they are now", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp"));
  for (const auto& frame : whole_push_of(0, 1, rows_of({2}))) shard.push(frame);
  auto pull = pull_of(worker_stamp(0), 1);
  pull.held_life = shard.twin.self().life;
  pull.held = {1};
  pull.rows = rows_of({2, 5});
  const auto reply = shard.pull(pull).pulls.front().what;
  CHECK_FALSE(reply.changed);
  const auto values = reply.rows.values<float>();
  CHECK(std::vector<float>(values.begin(), values.end()) == std::vector<float>{-1, -1, 0, 0});
}

TEST_CASE("rows that were sent stay as they were when a step follows", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp"));
  auto pull = pull_of(worker_stamp(0), 0);
  pull.rows = rows_of({2});
  const auto sent = shard.pull(pull).pulls.front().what;
  for (const auto& frame : whole_push_of(0, 1, rows_of({2}))) shard.push(frame);
  pull.clock = {1};
  const auto later = shard.pull(pull).pulls.front().what;
  CHECK(sent.rows.values<float>()[0] == 0);
  CHECK(later.rows.values<float>()[0] == -1);
}

TEST_CASE("a round sums the rows of its leases in their order into one step", "[runtime][tables]") {
  // Numbers whose sum depends on the order: 1 + 1e8 - 1e8 is 0 in f32, 1e8 - 1e8 + 1 is 1.
  const std::vector<float> values{1, 1e8F, -1e8F};
  for (const std::vector<std::uint64_t>& arrival :
       {std::vector<std::uint64_t>{0, 1, 2}, {2, 0, 1}, {1, 2, 0}}) {
    auto options = shard_with_tables("bsp", 0);
    options.workers = 3;
    shard_probe shard(std::move(options));
    for (const auto lease : arrival) {
      auto push = in_round(
          row_push(0, lease, rows_of({1, static_cast<std::int32_t>(2 + lease)}), values[lease] * 3),
          0, 3);
      push.from = worker_stamp(static_cast<std::uint32_t>(lease));
      CHECK(shard.push(push).refused.empty());
    }
    CHECK(shard.version() == 1);
    CHECK(rows_in(shard, rows_of({0, 1, 2, 4})) ==
          std::vector<float>{0, 0, 0, 0, -1, -1, 1e8F, 1e8F});
  }
}

TEST_CASE("rows that a shard does not have are refused and change nothing", "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp"));
  const auto far = rows_of({1, 6});
  auto pull = pull_of(worker_stamp(0), 0);
  pull.rows = far;
  CHECK_THAT(refusal(shard.pull(pull)), Catch::Contains("has row 6 of 6 in table 0"));
  CHECK_THAT(refusal(shard.push(row_push(0, 1, far))), Catch::Contains("row 6 of 6"));
  CHECK_FALSE(shard.twin.on_snapshot({{}, 0, far}));
  pull.rows.counts = {2};
  CHECK_THAT(refusal(shard.pull(pull)), Catch::Contains("rows of 1 tables, expected 2"));
  auto short_push = row_push(0, 1, rows_of({1, 2}));
  short_push.row_gradient = tensor_of({1, 1, 1});
  CHECK_THAT(refusal(shard.push(short_push)), Catch::Contains("3 elements for 2 rows, expected 4"));
  CHECK(rows_in(shard, every_row()) == std::vector<float>(15, 0.0F));
}

TEST_CASE("a row that comes in two frames of a push is refused and steps nothing",
          "[runtime][tables]") {
  for (const auto& [first, second] :
       {std::pair(rows_of({1, 3}), rows_of({3, 4})), std::pair(rows_of({4}), rows_of({1})),
        std::pair(rows_of({}, {1}), rows_of({}, {1}))}) {
    shard_probe shard(shard_with_tables("asp", 0));
    auto one = row_push(0, 1, first), two = row_push(0, 1, second);
    one.frames = two.frames = 2;
    two.frame = 1;
    shard.push(one);
    CHECK_THAT(refusal(shard.push(two)), Catch::Contains("twice, or out of order"));
    CHECK(rows_in(shard, every_row()) == std::vector<float>(15, 0.0F));
    CHECK(shard.version() == 0);
  }
}

TEST_CASE("BP-1: a push of more rows than a shard has is refused before it is whole",
          "[runtime][tables]") {
  shard_probe shard(shard_with_tables("asp", 0));
  for (std::uint32_t frame = 0; frame < 2; ++frame) {
    auto push = row_push(0, 1, every_row());
    push.frames = 9;
    push.frame = frame;
    if (frame == 0)
      CHECK(shard.push(push).refused.empty());
    else
      CHECK_THAT(refusal(shard.push(push)), Catch::Contains("overlap"));
  }
}

TEST_CASE("the memory of a shard is what its parameters, tables and optimizer take",
          "[runtime][tables]") {
  const std::vector<ops::parameter_spec> specs{
      {"bias", {10}, {}}, {"table", {1001, 16}, {}, ops::parameter_spec::kind_type::table}};
  const auto floats = [](std::string_view name) {
    const auto& row = *std::ranges::find(ops::optimizers(), name, &ops::optimizer_row::name);
    return stepped_by({}, partition_grain::block, *row.make(2, {})).floats;
  };
  CHECK(floats("sgd") == 1);
  CHECK(floats("adagrad") == 2);
  CHECK(floats("adam") == 3);
  const stepped_parameters x{specs, partition_grain::block, 2};
  CHECK(shard_bytes(x, 1) == (1001 * 16 + 10) * 8);
  CHECK(shard_bytes(x, 2) == (501 * 16 + 5) * 8);
  CHECK(least_shards(x, shard_bytes(x, 1), 1024) == 1);
  CHECK(least_shards(x, shard_bytes(x, 1) - 1, 1024) == 2);
  CHECK(least_shards(x, 16 * 8, 1024) == std::nullopt); // a shard has a row at least, and a bias
  CHECK(least_shards(x, 17 * 8, 1024) == 1001);
}

} // namespace lagrange::tests
