// What a shard tells its replica, as frames.
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

template <class What>
What again(const What& what) {
  const auto found = decode<shard_input>(encode(sample_input(what)));
  REQUIRE(found.has_value());
  CHECK(found.value().from == sample_stamp());
  CHECK(found.value().sequence == 71);
  CHECK(found.value().now.time_since_epoch() == std::chrono::nanoseconds(72));
  CHECK(found.value().records == 73);
  REQUIRE(std::holds_alternative<What>(found.value().what));
  return std::get<What>(found.value().what);
}

} // namespace

TEST_CASE("an input comes as it went", "[runtime][wire]") {
  const auto pull = again(sample_row_request());
  CHECK(pull.held == sample_row_request().held);
  CHECK(pull.rows.counts == sample_rows().counts);
  const auto view = again(sample_view());
  REQUIRE(view.members.size() == 2);
  CHECK(view.members[0].live);
  CHECK(view.members[1].was_fenced);
  CHECK(view.members[1].life == incarnation{4});
  const auto closing = again(sample_closing());
  CHECK(closing.round == 9);
  CHECK(closing.members == sample_closing().members);
  CHECK(closing.excluded == sample_closing().excluded);
  const auto order = again(sample_switch());
  CHECK(order.policy == "ssp:8");
  CHECK(order.first == worker_clock{61});
  CHECK(again(settlement_ack{sample_stamp(), 4}).sequence == 4);
  again(state_note{});
  again(settlement_order{});
}

TEST_CASE("a push that is sent on is the push that came, and its numbers are not copied",
          "[runtime][wire]") {
  const auto sent = std::make_shared<const gradient_push>(sample_row_push());
  const auto came = again(sent);
  CHECK(came->what == sent->what);
  CHECK(came->row_gradient.bytes() == sent->row_gradient.bytes());
}

TEST_CASE("a piece of what fills a replica comes as it went", "[runtime][wire]") {
  const auto sent = sample_piece();
  const auto came = decode<filling_piece>(encode(sent));
  REQUIRE(came.has_value());
  const auto& piece = came.value();
  CHECK(piece.from == sample_stamp());
  CHECK(piece.sequence == 71);
  CHECK(piece.records == 73);
  CHECK(piece.array == 2);
  CHECK(piece.first == 4096);
  CHECK(piece.is_last);
  REQUIRE(piece.bytes.size_bytes() == 3);
  CHECK(piece.bytes.bytes()[2] == std::byte{0x63});
}

} // namespace lagrange::tests
