// Late gradients corrected by hand, and what outer rules make of deltas.
#include "ops/delayed_nesterov.hpp"
#include "runtime/local_steps.hpp"
#include "runtime/staleness/compensation.hpp"
#include "runtime/staleness/outer.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <cmath>

namespace lagrange::tests {

using namespace runtime;

namespace {

std::vector<float> compensated(std::string_view spec, std::vector<std::vector<float>> gradients,
                               const std::vector<float>& now, const std::vector<float>& then) {
  const auto tried = make_compensation(compensations(), spec, now.size()).value();
  std::vector<float> out(now.size());
  for (const auto& gradient : gradients) tried->apply({0, gradient, 1, now, then}, out);
  return out;
}

/// What each update of `rule` leaves of a parameter that starts at 0.
std::vector<float> trajectory(ops::optimizer& rule, const std::vector<float>& updates) {
  std::vector<float> parameter{0}, seen;
  for (const auto update : updates) {
    rule.step(parameter, std::vector<float>{update}, 1);
    seen.push_back(parameter[0]);
  }
  return seen;
}

void check_near(const std::vector<float>& found, const std::vector<float>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]));
}

shard_options compensating(std::string_view spec) {
  auto made = shard_of("asp");
  made.parameters.compensation = make_compensation(compensations(), spec, 4).value();
  return made;
}

const std::vector<ops::parameter_spec> one_weight{{"w", {1}, {}}};

local_steps steps_of(float elasticity) {
  return {{.batch = 1,
           .optimizer = ops::make_sgd(1, {.rate = 0.5F}),
           .rate = {},
           .elasticity = elasticity},
          one_weight};
}

} // namespace

TEST_CASE("dc adds lambda g g (now - then)", "[runtime][staleness]") {
  check_near(compensated("dc:0.5", {{2, -1, 0}}, {3, 3, 9}, {1, 2, 0}), {2 + 4, -1 + 0.5F, 0});
  check_near(compensated("dc:0", {{2, -1}}, {3, 3}, {1, 2}), {2, -1});
}

TEST_CASE("dc-adaptive divides by the root of the mean of squares", "[runtime][staleness]") {
  // After 2 and then 4 the mean is 0.95 * (0.05 * 4) + 0.05 * 16 = 0.99.
  const float g = 4;
  check_near(compensated("dc-adaptive:0.5", {{2}, {4}}, {3}, {1}),
             {g + 0.5F / std::sqrt(0.99F) * g * g * 2});
}

TEST_CASE("a late gradient is compensated by what its worker read", "[runtime][staleness]") {
  // The optimizer of these tests adds gradients: worker 0 reads 0, then 1 makes it 3.
  shard_probe shard(compensating("dc:0.5"));
  shard.pull(pull_of(worker_stamp(0), 0));
  shard.pull(pull_of(worker_stamp(1), 0));
  shard.push(push_of(worker_stamp(1), 0, 1, 3));
  const auto late = shard.push(push_of(worker_stamp(0), 0, 0, 2));
  CHECK(late.entries.front().is_compensated);
  CHECK(shard.parameters() == std::vector<float>(4, 3 + (2 + 0.5F * 4 * 3)));
}

TEST_CASE("clipping comes before compensation, and the weight of lateness after",
          "[runtime][staleness]") {
  auto options = compensating("dc:0.5");
  options.parameters.weight = make_weight(weights(), "exponential:1").value();
  shard_probe shard(std::move(options));
  shard.pull(pull_of(worker_stamp(0), 0));
  shard.pull(pull_of(worker_stamp(1), 0));
  shard.push(push_of(worker_stamp(1), 0, 1, 3));
  auto push = push_of(worker_stamp(0), 0, 0, 8);
  push.clip_scale = 0.25F;
  shard.push(push);
  CHECK(shard.parameters()[0] == Approx(3 + std::exp(-1.0F) * (2 + 0.5F * 4 * 3)));
}

TEST_CASE("a copy that is gone leaves the gradient as it is, and the journal says so",
          "[runtime][staleness]") {
  shard_probe shard(compensating("dc:0.5"));
  shard.pull(pull_of(worker_stamp(0), 0));
  for (std::uint64_t clock = 0; clock < 8; ++clock) { // asks again at every version
    shard.push(push_of(worker_stamp(1), clock, clock + 1, 1));
    shard.pull(pull_of(worker_stamp(0), 0));
  }
  const auto late = shard.push(push_of(worker_stamp(0), 0, 0, 2));
  CHECK_FALSE(late.entries.front().is_compensated);
  CHECK(shard.parameters() == std::vector<float>(4, 8 + 2));
}

TEST_CASE("delayed nesterov: every update moves at once, the momentum once in N",
          "[runtime][staleness]") {
  const auto rule = ops::make_delayed_nesterov(1, {.rate = 1, .momentum = 0.5F, .every = 2});
  // 1: p = -1/2. 2: u = (1 + 3) / 2 = 2, p = -1/2 - 3/2 - 0.5 * 2 = -3.
  // 3: p = -3 - 2/2 = -4. 4: u = 0.5 * 2 + (2 + 0) / 2 = 2, p = -4 - 0 - 1 = -5.
  check_near(trajectory(*rule, {1, 3, 2, 0}), {-0.5F, -3, -4, -5});
}

TEST_CASE("delayed nesterov with N = 1 is nesterov, and diloco is 0.7:0.9 of it",
          "[runtime][staleness]") {
  const std::vector<float> updates{1, -2, 3, 0.5F};
  const auto diloco = make_outer(outers(), "diloco").value().make_optimizer(1);
  const auto expected =
      trajectory(*ops::make_nesterov(1, {.rate = 0.7F, .momentum = 0.9F}), updates);
  CHECK(trajectory(*diloco, updates) == expected);
  const auto delayed = make_outer(outers(), "delayed_nesterov:1:0.7:0.9").value();
  check_near(trajectory(*delayed.make_optimizer(1), updates), expected);
}

TEST_CASE("average adds deltas as they are", "[runtime][staleness]") {
  const auto rule = make_outer(outers(), "average").value();
  check_near(trajectory(*rule.make_optimizer(1), {1, 2, -4}), {-1, -3, 1});
}

TEST_CASE("local steps: the delta is what was read less what the steps came to",
          "[runtime][staleness]") {
  auto steps = steps_of(0);
  for (int lease = 0; lease < 2; ++lease) { // each starts from what was pulled
    std::vector<float> w{10}, delta{0};
    steps.begin(w, 0);
    CHECK(w[0] == 10);
    steps.step(w, std::vector<float>{4}, 1, 1);    // 10 - 0.5 * 4
    steps.step(w, std::vector<float>{6}, 0.5F, 1); // 8 - 0.5 * 3
    CHECK(w[0] == 6.5F);
    steps.end(w, delta);
    CHECK(delta[0] == 3.5F);
  }
}

TEST_CASE("elastic averaging: worker and shards come ALPHA of their distance closer",
          "[runtime][staleness]") {
  auto steps = steps_of(0.25F);
  std::vector<float> w{8}, delta{0};
  steps.begin(w, 0);
  steps.step(w, std::vector<float>{8}, 1, 1); // the worker is at 4, the shards at 8
  steps.end(w, delta);
  CHECK(delta[0] == 1); // that is subtracted there: 7; and the worker is at 5
  w = {7};
  steps.begin(w, 1);
  CHECK(w[0] == 5);
  steps.step(w, std::vector<float>{-2}, 1, 1); // to 6
  steps.end(w, delta);
  CHECK(delta[0] == 0.25F);
}

TEST_CASE("local steps: a running average goes a tenth of its way each", "[runtime][staleness]") {
  local_steps steps({.batch = 1, .optimizer = ops::make_sgd(1, {}), .rate = {}, .elasticity = 0},
                    std::vector<ops::parameter_spec>{
                        {"mean", {1}, {}, ops::parameter_spec::kind_type::statistic}});
  std::vector<float> w{1}, delta{0};
  steps.begin(w, 0);
  steps.step(w, std::vector<float>{0.5F}, 0.1F, 1); // read 1, the batch had 0.5
  CHECK(w[0] == Approx(0.95F));
}

TEST_CASE("what is no compensation and no outer rule is refused", "[runtime][staleness]") {
  CHECK_THAT(make_compensation(compensations(), "dc:-1", 1).error().text,
             Catch::Contains("LAMBDA of compensation dc is \"-1\""));
  CHECK_THAT(make_outer(outers(), "elastic:2").error().text,
             Catch::Contains("ALPHA of outer elastic is \"2\""));
  CHECK_THAT(make_outer(outers(), "dilocco").error().text, Catch::Contains("did you mean"));
  CHECK_THAT(make_outer(outers(), "delayed_nesterov").error().text,
             Catch::Contains("expected delayed_nesterov:N[:RATE][:MOMENTUM]"));
}

} // namespace lagrange::tests
