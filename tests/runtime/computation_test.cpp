#include "runtime/computation.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lagrange::tests {

using namespace runtime;

namespace {

const std::vector<ops::parameter_spec>& specs() {
  static const std::vector<ops::parameter_spec> made{{"a", {3}, {}}, {"b", {2, 2}, {}}};
  return made;
}

/// Loss: the first input. Gradient: the parameters times the first input.
class echo final : public ops::network {
public:
  explicit echo(std::vector<ops::parameter_spec> of = specs()) : specs_(std::move(of)) {}
  std::span<const ops::parameter_spec> parameters() const override { return specs_; }
  float train(const ops::training_pass& pass) override {
    const auto x = pass.inputs.values<float>()[0];
    for (std::size_t i = 0; i < pass.parameters.size(); ++i)
      pass.d_parameters[i] = x * pass.parameters[i];
    for (std::size_t i = specs_.size(); i > 0; --i) pass.observer->on_final(i - 1);
    return x;
  }
  ops::scores evaluate(std::span<const float> parameters, const ops::tensor& inputs,
                       std::span<const std::int32_t> labels,
                       std::span<const ops::table_part>) override {
    return {parameters[0] + inputs.values<float>()[0], 1, static_cast<std::int64_t>(labels.size())};
  }

private:
  std::vector<ops::parameter_spec> specs_;
};

/// 1, 2, 3, ... in the network's order, as two shards hold them.
std::vector<std::shared_ptr<const pull_reply>> shards_of(const partition& parts) {
  std::vector<float> flat{1, 2, 3, 4, 5, 6, 7};
  std::vector<std::shared_ptr<const pull_reply>> replies;
  for (std::uint32_t shard = 0; shard < parts.shards(); ++shard) {
    auto reply = std::make_shared<pull_reply>();
    std::vector<float> own(static_cast<std::size_t>(parts.elements_of({shard})));
    parts.gather({shard}, flat, own);
    reply->parameters = tensor_of(own);
    replies.push_back(reply);
  }
  return replies;
}

step_task task_of(const partition& parts, float input) {
  auto grant = std::make_shared<lease_grant>();
  grant->samples.inputs = tensor_of({input, 0});
  grant->samples.labels = ops::tensor(ops::dtype::i32, {2});
  lease what;
  what.id = {9};
  return {what, {}, grant, shards_of(parts)};
}

/// Of a shard whose gradient is one frame.
std::span<const float> gradient_of(const step_result& of, std::uint32_t shard = 0) {
  REQUIRE(of.parts[shard].size() == 1);
  return std::as_const(of.parts[shard][0].values).values<float>();
}

} // namespace

TEST_CASE("a step brings the shards' parameters together and takes the gradient apart",
          "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<echo>(), parts);
  const auto result = compute(task_of(parts, 2));
  CHECK(result.what == lease_id{9});
  CHECK(result.samples == 2);
  CHECK(result.loss == 2);
  REQUIRE(result.parts.size() == 2);
  std::vector<float> flat(7);
  for (std::uint32_t shard = 0; shard < 2; ++shard)
    parts.scatter({shard}, gradient_of(result, shard), flat);
  CHECK(flat == std::vector<float>{2, 4, 6, 8, 10, 12, 14});
}

TEST_CASE("LE-1: a loss or gradient that is not finite becomes a skip", "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<echo>(), parts);
  const auto inputs = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::max()}; // the loss is finite, a gradient is not
  for (const auto input : inputs) {
    const auto result = compute(task_of(parts, input));
    CHECK(result.verdict == push_verdict::skip);
    CHECK(result.parts.empty());
    CHECK(result.samples == 2);
  }
  CHECK(compute(task_of(parts, 1)).verdict == push_verdict::apply); // and it goes on
}

TEST_CASE("a gradient beyond the norm comes with the scale that brings it there",
          "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<echo>(), parts);
  const float norm = std::sqrt(1.0F + 4 + 9 + 16 + 25 + 36 + 49); // over both shards, input 1
  CHECK(compute(task_of(parts, 5)).clip_scale == 1);              // not asked for
  compute.clip_to(2 * norm);
  CHECK(compute(task_of(parts, 1)).clip_scale == 1);
  const auto clipped = compute(task_of(parts, 8));
  CHECK(clipped.clip_scale == Approx(0.25));
  CHECK(gradient_of(clipped)[0] == 8); // as it is: the shard multiplies
}

TEST_CASE("statistics are no part of the norm, but their overflow is one",
          "[runtime][computation]") {
  auto mixed = specs();
  mixed[1].kind = ops::parameter_spec::kind_type::statistic;
  const auto parts = partition::balanced(mixed, 2);
  computation compute(std::make_unique<echo>(mixed), parts);
  compute.clip_to(std::sqrt(1.0F + 4 + 9));
  CHECK(compute(task_of(parts, 2)).clip_scale == Approx(0.5));
  const auto large = 0.3F * std::numeric_limits<float>::max(); // times 4 is none, times 3 is
  CHECK(compute(task_of(parts, large)).verdict == push_verdict::skip);
}

TEST_CASE("a gradient that is still on its way is not written over", "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<echo>(), parts);
  const auto held = compute(task_of(parts, 1));
  const auto before = gradient_of(held)[0];
  compute(task_of(parts, 5));
  compute(task_of(parts, 7));
  CHECK(gradient_of(held)[0] == before);
  const auto* memory = [&] { return compute(task_of(parts, 1)).parts[0][0].values.bytes(); }();
  CHECK(compute(task_of(parts, 1)).parts[0][0].values.bytes() ==
        memory); // what is free is used again
}

TEST_CASE("a network sees inputs times scale plus shift", "[runtime][computation]") {
  batch samples;
  samples.inputs = ops::tensor(ops::dtype::u8, {2, 1});
  samples.inputs.values<std::uint8_t>()[0] = 0;
  samples.inputs.values<std::uint8_t>()[1] = 255;
  samples.scale = 2;
  samples.shift = -10;
  ops::tensor out;
  to_floats(samples, out);
  CHECK(out.extents() == samples.inputs.extents());
  CHECK(out.values<float>()[0] == -10);
  CHECK(out.values<float>()[1] == 500);
  samples.inputs = tensor_of({1.5F});
  to_floats(samples, out);
  CHECK(out.elements() == 1);
  CHECK(out.values<float>()[0] == -7);
}

TEST_CASE("a network sees i32 as they are, and counts samples, not labels",
          "[runtime][computation]") {
  class tokens final : public ops::network {
  public:
    std::span<const ops::parameter_spec> parameters() const override { return specs(); }
    float train(const ops::training_pass& pass) override {
      std::ranges::fill(pass.d_parameters, 0.0F);
      for (std::size_t i = 0; i < specs().size(); ++i) pass.observer->on_final(i);
      return static_cast<float>(pass.inputs.values<std::int32_t>()[1]) +
             static_cast<float>(pass.labels.size());
    }
    ops::scores evaluate(std::span<const float>, const ops::tensor& inputs,
                         std::span<const std::int32_t> labels,
                         std::span<const ops::table_part>) override {
      return {0, inputs.values<std::int32_t>()[1], static_cast<std::int64_t>(labels.size())};
    }
  };
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<tokens>(), parts);
  auto task = task_of(parts, 1);
  auto grant = std::make_shared<lease_grant>(*task.grant);
  grant->samples = {ops::tensor(ops::dtype::i32, {2, 3}), ops::tensor(ops::dtype::i32, {2, 3}), 9,
                    9};
  std::ranges::fill(grant->samples.inputs.values<std::int32_t>(), 1'000);
  task.grant = grant;
  const auto result = compute(task);
  CHECK(result.loss == 1'006);
  CHECK(result.samples == 2);
  CHECK(compute.evaluate(task.parameters, grant->samples).correct == 1'000);
}

TEST_CASE("parameters of the wrong number or size are a bug", "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<echo>(), parts);
  auto task = task_of(parts, 1);
  SECTION("a shard is missing") { task.parameters.pop_back(); }
  SECTION("a shard sent too few") {
    auto reply = std::make_shared<pull_reply>();
    reply->parameters = tensor_of({1});
    task.parameters.front() = reply;
  }
  CHECK_THROWS_AS(compute(task), ops::contract_error);
}

} // namespace lagrange::tests
