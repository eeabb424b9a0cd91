// Rows of tables on the wire: they come back as they were sent, and rows that contradict
// themselves are refused, with the field named.
#include "runtime/wire.hpp"
#include "runtime/wire_frame.hpp"
#include "tests/support/frame_bytes.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;
using Catch::Contains;

namespace {

bool is_same_rows(const table_rows& a, const table_rows& b) {
  return a.counts == b.counts && is_same(a.rows, b.rows);
}

void fill(schema::TableRows::Builder to, const std::vector<std::uint32_t>& counts,
          const std::vector<std::int32_t>& rows) {
  auto list = to.initCounts(static_cast<unsigned>(counts.size()));
  for (unsigned i = 0; i < counts.size(); ++i) list.set(i, counts[i]);
  auto tensor = to.initRows();
  tensor.setType(schema::DType::I32);
  tensor.initExtents(1).set(0, static_cast<std::int64_t>(rows.size()));
  auto data = tensor.initData(static_cast<unsigned>(rows.size() * sizeof(std::int32_t)));
  std::memcpy(data.begin(), rows.data(), data.size());
}

/// What is said of a request for these rows.
std::string refusal(const std::vector<std::uint32_t>& counts,
                    const std::vector<std::int32_t>& rows) {
  message_writer out;
  auto root = out.root<schema::PullRequest>();
  fill(root.initRows(), counts, rows);
  const auto got = decode<pull_request>(
      out.to_frame(schema::FrameKind::PULL_REQUEST, transport::urgency::control));
  return got ? "accepted" : got.error().text;
}

} // namespace

TEST_CASE("rows come back as they were sent", "[runtime][wire][tables]") {
  const auto asked = decode<pull_request>(received(encode(sample_row_request()))).value();
  CHECK(is_same_rows(asked.rows, sample_rows()));
  const auto reply = decode<pull_reply>(received(encode(sample_row_reply()))).value();
  CHECK_FALSE(reply.changed);
  CHECK(is_same(reply.rows, sample_row_reply().rows));
  const auto push = decode<gradient_push>(received(encode(sample_row_push()))).value();
  CHECK(push.gradient.empty());
  CHECK(is_same_rows(push.rows, sample_rows()));
  CHECK(is_same(push.row_gradient, sample_row_push().row_gradient));
  const snapshot_request want{sample_stamp(), 5, sample_rows()};
  CHECK(is_same_rows(decode<snapshot_request>(received(encode(want))).value().rows, want.rows));
  // No rows of any table are not the same as no tables.
  auto none = sample_row_request();
  none.rows = {{0, 0}, ops::tensor(ops::dtype::i32, {0})};
  const auto got = decode<pull_request>(received(encode(none))).value();
  CHECK_FALSE(got.rows.empty());
  CHECK(got.rows.size() == 0);
}

TEST_CASE("rows that contradict themselves are refused, and the field named",
          "[runtime][wire][tables]") {
  CHECK(refusal({2, 0, 1}, {1, 5, 3}) == "accepted");
  CHECK(refusal({0}, {}) == "accepted");
  CHECK_THAT(refusal({2}, {5, 1}), Contains("rows.rows is 1 after 5, expected ascending"));
  CHECK_THAT(refusal({2}, {5, 5}), Contains("rows.rows is 5 after 5"));
  CHECK_THAT(refusal({1}, {-1}), Contains("rows.rows is -1 after -1"));
  CHECK_THAT(refusal({3}, {1, 2}), Contains("rows.counts is 3 more, expected 2 rows"));
  CHECK_THAT(refusal({1}, {1, 2}), Contains("rows.rows is longer by 1"));
  CHECK_THAT(refusal({~0U, ~0U}, {1, 2}), Contains("rows.counts"));
  CHECK_THAT(refusal({}, {1}), Contains("rows.counts is of 0 tables, expected 1 to 32"));
  CHECK_THAT(refusal(std::vector<std::uint32_t>(33), {}), Contains("of 33 tables"));
}

TEST_CASE("gradients of rows without rows, or of a push that is not applied, are refused",
          "[runtime][wire][tables]") {
  auto without = sample_row_push();
  without.rows = {};
  CHECK_THROWS_AS(encode(without), ops::contract_error);
  auto skipped = sample_row_push();
  skipped.verdict = push_verdict::skip;
  CHECK_THROWS_AS(encode(skipped), ops::contract_error);
  auto typed = sample_row_push();
  typed.row_gradient = sample_rows().rows;
  CHECK_THROWS_AS(encode(typed), ops::contract_error);
}
