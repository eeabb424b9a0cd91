// What a worker does for 16-bit arithmetic, and where a step's random numbers come from.
#include "runtime/computation.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lagrange::tests {

using namespace runtime;

namespace {

/// A gradient of 1e4 times the loss scale, which overflows f16 where a real network would, for one
/// weight and one statistic.
class overflowing final : public ops::network {
public:
  explicit overflowing(std::vector<ops::training_pass>* seen) : seen_(seen) {}
  std::span<const ops::parameter_spec> parameters() const override { return specs_; }
  void compute_in(ops::dtype) override {}
  float train(const ops::training_pass& pass) override {
    seen_->push_back(pass);
    const float scaled = 16 * pass.loss_scale;
    pass.d_parameters[0] = scaled > 65504 ? std::numeric_limits<float>::infinity() : scaled;
    pass.d_parameters[1] = 5;
    for (const std::size_t each : {1, 0}) pass.observer->on_final(each);
    return 1;
  }
  ops::scores evaluate(std::span<const float>, const ops::tensor&, std::span<const std::int32_t>,
                       std::span<const ops::table_part>) override {
    return {};
  }

private:
  std::vector<ops::training_pass>* seen_;
  std::vector<ops::parameter_spec> specs_{
      {"weight", {1}, {}}, {"mean", {1}, {}, ops::parameter_spec::kind_type::statistic}};
};

step_task task_of(std::uint64_t lease, std::uint64_t attempt) {
  auto grant = std::make_shared<lease_grant>();
  grant->samples.inputs = tensor_of({0, 0});
  grant->samples.labels = ops::tensor(ops::dtype::i32, {2});
  auto reply = std::make_shared<pull_reply>();
  reply->parameters = tensor_of({1, 1});
  runtime::lease what;
  what.id = {lease};
  what.attempt = {attempt};
  return {what, {}, grant, {reply}};
}

computation made(std::vector<ops::training_pass>& seen) {
  auto network = std::make_unique<overflowing>(&seen);
  auto parts = partition::balanced(network->parameters(), 1);
  return {std::move(network), std::move(parts)};
}

} // namespace

TEST_CASE("under f16 steps that overflow are skipped until the loss scale fits",
          "[runtime][precision]") {
  std::vector<ops::training_pass> seen;
  auto compute = made(seen);
  compute.compute_in(ops::dtype::f16);
  int skipped = 0;
  step_result last;
  while ((last = compute(task_of(1, 1))).verdict == push_verdict::skip) REQUIRE(++skipped < 30);
  CHECK(skipped > 0);
  CHECK(seen.back().loss_scale * 16 <= 65504);
  CHECK(seen.back().loss_scale * 32 > 65504);
  // The scale is gone from the weight, and never was in the statistic.
  const auto gradient = last.parts.at(0).at(0).values;
  CHECK(std::as_const(gradient).values<float>()[0] == 16);
  CHECK(std::as_const(gradient).values<float>()[1] == 5);
}

TEST_CASE("in f32 and bf16 the loss is not scaled", "[runtime][precision]") {
  for (auto precision : {ops::dtype::f32, ops::dtype::bf16}) {
    std::vector<ops::training_pass> seen;
    auto compute = made(seen);
    compute.compute_in(precision);
    CHECK(compute(task_of(1, 1)).verdict == push_verdict::apply);
    CHECK(seen.back().loss_scale == 1);
  }
}

TEST_CASE("a loss scale grows after many good steps, and never beyond its limits",
          "[runtime][precision]") {
  loss_scale scale;
  const float first = scale.value();
  for (int i = 0; i < 2000; ++i) scale.succeeded();
  CHECK(scale.value() == 2 * first);
  for (int i = 0; i < 100'000; ++i) scale.succeeded();
  CHECK(scale.value() == 0x1p24F);
  for (int i = 0; i < 100; ++i) scale.overflowed();
  CHECK(scale.value() == 1);
}

TEST_CASE("a step's random numbers depend on seed, lease and attempt, and on nothing else",
          "[runtime][precision]") {
  std::vector<ops::training_pass> seen;
  auto compute = made(seen), other = made(seen);
  compute.draw_from(7);
  other.draw_from(7);
  compute(task_of(1, 1)), compute(task_of(2, 1)), compute(task_of(1, 2)), other(task_of(1, 1));
  other.draw_from(8);
  other(task_of(1, 1));
  CHECK(seen[0].key == seen[3].key);
  for (std::size_t i : {1U, 2U, 4U}) CHECK(seen[0].key != seen[i].key);
}

} // namespace lagrange::tests
