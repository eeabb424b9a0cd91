// A worker that holds an older version gets the blocks that changed since, and no others, where the
// optimizer leaves parameters with a zero gradient alone.
#include "runtime/conformance/virtual_time.hpp"
#include "runtime/worker.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

constexpr std::size_t block = pull_reply::block_elements;
constexpr std::size_t elements = 10 * block + 100;

shard_options large_shard(float momentum) {
  auto made = shard_of("asp", 1, elements);
  made.parameters.optimizer = ops::make_sgd(elements, {.rate = 1, .momentum = momentum});
  made.parameters.sends_changed_blocks = true;
  return made;
}

gradient_push sparse_push(std::uint64_t lease, std::vector<std::size_t> at) {
  std::vector<float> values(elements, 0);
  for (const auto i : at) values[i] = 1;
  auto made = push_of(worker_stamp(0), lease, lease);
  made.gradient = tensor_of(values);
  return made;
}

pull_reply pulled(shard_probe& shard, std::uint64_t clock, std::uint64_t held,
                  std::uint32_t held_life = 1) {
  auto request = pull_of(worker_stamp(0), clock);
  request.held = {held};
  request.held_life = {held_life};
  return shard.pull(request).pulls.at(0).what;
}

std::vector<std::int32_t> blocks_of(const pull_reply& reply) {
  if (reply.blocks.empty()) return {};
  const auto values = reply.blocks.values<std::int32_t>();
  return {values.begin(), values.end()};
}

} // namespace

TEST_CASE("a pull brings the blocks that changed since the version that is held",
          "[runtime][shard]") {
  shard_probe shard(large_shard(0));
  shard.push(sparse_push(0, {3 * block}));
  shard.push(sparse_push(1, {elements - 1}));
  CHECK(blocks_of(pulled(shard, 1, 1)) == std::vector<std::int32_t>{10});
  const auto both = pulled(shard, 1, 0);
  CHECK(blocks_of(both) == std::vector<std::int32_t>{3, 10});
  CHECK(both.parameters.elements() == block + 100);
  CHECK_FALSE(pulled(shard, 1, 2).changed);
}

TEST_CASE("an unknown incarnation gets every block", "[runtime][shard]") {
  shard_probe shard(large_shard(0));
  shard.push(sparse_push(0, {3 * block}));
  const auto reply = pulled(shard, 1, 0, 2);
  CHECK(reply.blocks.empty());
  CHECK(reply.parameters.elements() == elements);
}

TEST_CASE("an optimizer that moves resting parameters changes every block", "[runtime][shard]") {
  shard_probe shard(large_shard(0.9F));
  shard.push(sparse_push(0, {3 * block}));
  CHECK(pulled(shard, 1, 0).blocks.empty());
}

TEST_CASE("where most blocks changed, all of them come", "[runtime][shard]") {
  shard_probe shard(large_shard(0));
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < 6; ++i) at.push_back(i * block);
  shard.push(sparse_push(0, at));
  CHECK(pulled(shard, 1, 0).blocks.empty());
}

TEST_CASE("a worker completes changed blocks to the shard's parameters, bit for bit",
          "[runtime][worker]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    virtual_time random(seed);
    shard_probe shard(large_shard(0));
    worker_options options;
    options.self = worker_stamp(0);
    worker twin(options);
    const auto grant = [&](const worker_effects& asked, std::uint64_t clock) {
      auto made = std::make_shared<lease_grant>();
      made->sequence = asked.request->sequence;
      made->clock = {clock};
      made->what.id = {100 + clock};
      return twin.on_grant(made, {});
    };
    const auto answer = [&](const pull_request& pull) {
      const auto reply = shard.pull(pull).pulls.at(0).what;
      return twin.on_parameters({0}, std::make_shared<const pull_reply>(reply), {});
    };
    const auto computes_with_all = [&](const worker_effects& effects) {
      REQUIRE(effects.compute);
      const auto held = effects.compute->parameters[0]->parameters.values<float>();
      CHECK(std::vector<float>(held.begin(), held.end()) == shard.parameters());
    };
    const auto first = grant(twin.start({}), 0);
    computes_with_all(answer(first.pulls.at(0).second));
    shard.push(sparse_push(0, {random.draw(0, elements - 1), random.draw(0, elements - 1)}));
    step_result done;
    done.what = {100};
    done.verdict = push_verdict::skip;
    const auto next = twin.on_computed(done, {});
    answer(next.pulls.at(0).second);
    computes_with_all(grant(next, 1));
  }
}

} // namespace lagrange::tests
