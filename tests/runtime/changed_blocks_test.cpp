// A worker that holds an older version gets the blocks that changed since, and no others, where the
// optimizer leaves parameters with a zero gradient alone.
#include "runtime/worker.hpp"
#include "tests/support/builders.hpp"
#include "tests/support/virtual_time.hpp"

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
    virtual_time random(seed);
    shard_probe shard(large_shard(0));
    worker_options options;
    options.self = worker_stamp(0);
    worker twin(options);
    auto effects = twin.start({});
    auto grant = std::make_shared<lease_grant>();
    grant->sequence = effects.request->sequence;
    for (std::uint64_t clock = 0; clock < 6; ++clock) {
      INFO("seed " << seed << ", clock " << clock);
      grant->clock = {clock};
      grant->what.id = {100 + clock};
      effects = twin.on_grant(grant, {});
      if (effects.pulls.empty()) break;
      const auto reply = shard.pull(effects.pulls.at(0).second).pulls.at(0).what;
      effects = twin.on_parameters({0}, std::make_shared<const pull_reply>(reply), {});
      REQUIRE(effects.compute);
      const auto held = effects.compute->parameters[0]->parameters.values<float>();
      REQUIRE(std::vector<float>(held.begin(), held.end()) == shard.parameters());
      shard.push(sparse_push(clock, {random.draw(0, elements - 1), random.draw(0, elements - 1)}));
      step_result done;
      done.what = {100 + clock};
      done.verdict = push_verdict::skip;
      effects = twin.on_computed(done, {});
      const auto& push = *effects.pushes.at(0).second;
      const auto pulls = effects.pulls;
      const auto request = effects.request;
      push_ack ack;
      ack.what = push.what.id;
      ack.attempt = push.what.attempt;
      ack.clock = push.clock;
      ack.outcome = push_outcome::taken;
      twin.on_ack({0}, ack, {});
      grant = std::make_shared<lease_grant>();
      grant->sequence = request->sequence;
      if (!pulls.empty()) {
        const auto ahead = shard.pull(pulls.at(0).second).pulls.at(0).what;
        grant->clock = {clock + 1};
        grant->what.id = {101 + clock};
        twin.on_parameters({0}, std::make_shared<const pull_reply>(ahead), {});
        effects = twin.on_grant(grant, {});
        REQUIRE(effects.compute);
        const auto next = effects.compute->parameters[0]->parameters.values<float>();
        REQUIRE(std::vector<float>(next.begin(), next.end()) == shard.parameters());
        break;
      }
    }
  }
}

} // namespace lagrange::tests
