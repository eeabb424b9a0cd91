// Laws of how a gradient is cut into frames, and of when each may leave.
#include "runtime/computation.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace lagrange::tests {

using namespace runtime;

namespace {

const std::vector<ops::parameter_spec>& specs() {
  static const std::vector<ops::parameter_spec> made{
      {"first", {5, 3}, {}}, {"middle", {4}, {}}, {"last", {6, 2}, {}}};
  return made;
}

std::vector<float> ramp(std::size_t elements) {
  std::vector<float> made(elements);
  for (std::size_t i = 0; i < elements; ++i) made[i] = static_cast<float>(i + 1);
  return made;
}

/// Its gradient is its parameters, told of from the last to the first; it notes how many frames had
/// left by then.
class backwards final : public ops::network {
public:
  std::span<const ops::parameter_spec> parameters() const override { return specs(); }
  float train(const ops::training_pass& pass) override {
    std::fill(pass.d_parameters.begin(), pass.d_parameters.end(), -1.0F);
    auto end = pass.parameters.size();
    for (auto i = specs().size(); i > 0; --i) {
      const auto count = static_cast<std::size_t>(specs()[i - 1].extents.elements());
      std::copy_n(pass.parameters.data() + end - count, count,
                  pass.d_parameters.data() + end - count);
      end -= count;
      pass.observer->on_final(i - 1);
    }
    return pass.inputs.values<float>()[0];
  }
  ops::scores evaluate(std::span<const float>, const ops::tensor&, std::span<const std::int32_t>,
                       std::span<const ops::table_part>) override {
    return {};
  }
};

step_task task_of(const partition& parts, float input) {
  auto grant = std::make_shared<lease_grant>();
  grant->samples.inputs = tensor_of({input});
  grant->samples.labels = ops::tensor(ops::dtype::i32, {1});
  step_task made;
  made.what.id = {9};
  made.what.attempt = {2};
  made.grant = grant;
  for (std::uint32_t shard = 0; shard < parts.shards(); ++shard) {
    std::vector<float> own(static_cast<std::size_t>(parts.elements_of({shard})));
    parts.gather({shard}, ramp(31), own);
    auto reply = std::make_shared<pull_reply>();
    reply->parameters = tensor_of(own);
    made.parameters.push_back(reply);
  }
  return made;
}

} // namespace

TEST_CASE("the frames of a push cover every element once, from the last to the first",
          "[runtime][computation]") {
  for (std::uint32_t shards = 1; shards <= 3; ++shards)
    for (std::size_t length = 1; length < 40; length += 3) {
      const auto parts = partition::balanced(specs(), shards);
      gradient_frames frames(parts, specs(), length);
      std::vector<float> flat(31, 0);
      std::vector<std::size_t> rest(shards);
      for (std::uint32_t shard = 0; shard < shards; ++shard)
        rest[shard] = frames.elements_of({shard});
      std::vector<std::vector<float>> gathered;
      for (std::uint32_t shard = 0; shard < shards; ++shard)
        gathered.emplace_back(frames.elements_of({shard}));
      for (std::size_t i = 0; i < frames.all().size(); ++i) {
        const auto& frame = frames.all()[i];
        REQUIRE(frame.elements <= length);
        REQUIRE(frame.first + frame.elements == rest[frame.shard.value]);
        rest[frame.shard.value] = frame.first;
        REQUIRE((frame.first == 0) == (frame.number + 1 == frame.frames));
        frames.gather(i, ramp(31),
                      std::span(gathered[frame.shard.value]).subspan(frame.first, frame.elements));
      }
      for (std::uint32_t shard = 0; shard < shards; ++shard)
        parts.scatter({shard}, gathered[shard], flat);
      REQUIRE(flat == ramp(31));
    }
}

TEST_CASE("a frame is whole when the last of its parameters is final, and only once",
          "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 1); // 15, 4 and 12 elements in a row
  gradient_frames frames(parts, specs(), 10);         // 30 to 30, 20 to 29, 10 to 19, 0 to 9
  for (int step = 0; step < 2; ++step) {
    frames.begin();
    const auto numbers = [&](std::size_t tensor) {
      std::set<std::uint32_t> found;
      for (const auto i : frames.on_final(tensor)) found.insert(frames.all()[i].number);
      return found;
    };
    CHECK(numbers(2) == std::set<std::uint32_t>{0, 1});
    CHECK(numbers(1).empty()); // it shares a frame with the first
    CHECK(numbers(0) == std::set<std::uint32_t>{2, 3});
    CHECK(numbers(0).empty());
  }
}

TEST_CASE("frames of the last layers leave while the first are computed, never the closing one",
          "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<backwards>(), parts, {}, 3);
  std::vector<early_part> early;
  const auto result =
      compute(task_of(parts, 1), [&](early_part part) { early.push_back(std::move(part)); });
  std::size_t frames = 0;
  for (const auto& own : result.parts) frames += own.size();
  CHECK(early.size() == frames - 2);
  for (const auto& part : early) {
    CHECK(part.what == lease_attempt_id{{9}, {2}});
    CHECK(part.frame + 1 < part.frames);
    REQUIRE(part.frames == result.parts[part.shard.value].size());
    const auto& same = result.parts[part.shard.value][part.frame];
    CHECK(part.part.first == same.first);
    CHECK(part.part.values.bytes() == same.values.bytes()); // no copy
    CHECK(std::ranges::none_of(std::as_const(same.values).values<float>(),
                               [](float x) { return x < 0; }));
  }
}

TEST_CASE("LE-1: a step whose loss is not finite is skipped, though frames of it have left",
          "[runtime][computation]") {
  const auto parts = partition::balanced(specs(), 2);
  computation compute(std::make_unique<backwards>(), parts, {}, 3);
  int early = 0;
  const auto result = compute(task_of(parts, std::nanf("")), [&](const early_part&) { ++early; });
  CHECK(early > 0);
  CHECK(result.verdict == push_verdict::skip);
  CHECK(result.parts.empty());
}

} // namespace lagrange::tests
