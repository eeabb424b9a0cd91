// What a shard does with a gradient: clip scales, statistics, the schedule of the rate, and that
// the number of shards changes no parameter.
#include "runtime/assembly.hpp"
#include "tests/ops/reference.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;

namespace {

using kind_type = ops::parameter_spec::kind_type;

/// Two weights, two statistics, two weights; the optimizer adds what it is given.
shard_options mixed_shard(std::string_view policy, std::uint32_t workers = 2) {
  auto made = shard_of(policy, workers, 6);
  made.parameters.tensors = {{0, 0, 2, kind_type::weight},
                             {1, 2, 1, kind_type::statistic},
                             {2, 3, 1, kind_type::statistic},
                             {3, 4, 2, kind_type::weight}};
  return made;
}

gradient_push push_of_six(std::uint64_t lease, float clip_scale, float value = 10) {
  auto made = push_of(worker_stamp(0), lease, lease, value, 6);
  made.clip_scale = clip_scale;
  return made;
}

shard_options sgd_shard(std::string_view policy, std::string_view schedule,
                        std::uint64_t warmup = 0) {
  auto made = shard_of(policy, 1, 1);
  made.parameters.optimizer = ops::make_sgd(1, {.rate = 1});
  made.parameters.rate = {make_schedule(schedules(), schedule, 1).value(), warmup};
  return made;
}

/// How far pushes of gradient -1 and two samples each move the parameter.
std::vector<float> moves(shard_probe& shard, std::size_t count, std::uint64_t first = 0) {
  std::vector<float> made;
  auto before = shard.parameters()[0];
  for (auto lease = first; lease < first + count; ++lease) {
    auto push = push_of(worker_stamp(0), lease, lease, -1, 1);
    push.samples = 2;
    if (shard.twin.report().version.value != lease) FAIL("a push was not applied");
    shard.push(push);
    made.push_back(shard.parameters()[0] - before);
    before = shard.parameters()[0];
  }
  return made;
}

} // namespace

TEST_CASE("each push of a round is clipped by its own scale", "[runtime][shard]") {
  shard_probe shard(shard_of("bsp", 2));
  auto one = in_round(push_of(worker_stamp(0), 0, 0, 8), 0, 2);
  auto two = in_round(push_of(worker_stamp(1), 0, 1, 8), 0, 2);
  one.clip_scale = 0.25F;
  shard.push(one);
  shard.push(two);
  CHECK(shard.parameters() == std::vector<float>(4, 5)); // (0.25 * 8 + 8) / 2
}

TEST_CASE("the clip scale multiplies what a codec's bytes say", "[runtime][shard]") {
  auto options = shard_of("asp");
  options.parameters.push_codec = make_codec(codecs(), "f16").value();
  shard_probe shard(std::move(options));
  auto push = push_of(worker_stamp(0), 0, 0, 8);
  std::vector<float> values(4, 8);
  ops::tensor bytes(ops::dtype::u8, {8});
  const auto codec = make_codec(codecs(), "f16").value();
  codec->encode(values, 0, std::as_writable_bytes(bytes.values<std::uint8_t>()));
  push.gradient = bytes;
  push.how = {"f16", 4};
  push.clip_scale = 0.5F;
  shard.push(push);
  CHECK(shard.parameters() == std::vector<float>(4, 4));
}

TEST_CASE("a statistic moves a tenth of the way, whatever optimizer and clip scale",
          "[runtime][shard]") {
  shard_probe shard(mixed_shard("asp"));
  for (auto& frame : cut(push_of_six(0, 0.5F), GENERATE(1, 4, 6))) shard.push(frame);
  CHECK(shard.parameters() == std::vector<float>{5, 5, -1, -1, 5, 5});
}

TEST_CASE("a statistic neither decays nor follows the schedule", "[runtime][shard]") {
  auto options = mixed_shard("asp");
  options.parameters.values.assign(6, 1.0F);
  options.parameters.optimizer = ops::make_sgd(6, {.rate = 1, .weight_decay = 0.5F});
  options.parameters.rate = {make_schedule(schedules(), "constant", 1).value(), 4};
  shard_probe shard(std::move(options));
  shard.push(push_of_six(0, 1)); // one sample of the four of the warm-up
  const float weight = 1 - 0.25F * 10.5F;
  CHECK(shard.parameters() == std::vector<float>{weight, weight, 0, 0, weight, weight});
}

TEST_CASE("a statistic moves less for a late push: a tenth over one plus the staleness",
          "[runtime][shard]") {
  shard_probe shard(mixed_shard("asp"));
  for (std::uint64_t lease = 0; lease < 4; ++lease)
    shard.push(push_of_six(lease, 1)); // all read at version 0
  const auto moved = shard.parameters()[2];
  CHECK(moved == Approx(-(1 + 1 / 2.0 + 1 / 3.0 + 1 / 4.0)));
}

TEST_CASE("in a round a statistic moves a tenth of the mean, without clip scales",
          "[runtime][shard]") {
  shard_probe shard(mixed_shard("bsp"));
  auto one = in_round(push_of_six(0, 0.25F, 4), 0, 2);
  auto two = in_round(push_of_six(1, 1, 8), 0, 2);
  two.from = worker_stamp(1);
  two.samples = 3;
  shard.push(one);
  shard.push(two);
  CHECK(shard.parameters()[0] == 0.25F * 0.25F * 4 + 0.75F * 8);
  CHECK(shard.parameters()[3] == Approx(-0.1 * (0.25 * 4 + 0.75 * 8)));
}

TEST_CASE("a running average with any number of stale workers rises to its mean and no further",
          "[runtime][shard]") {
  // Every push tells the distance from a mean of 1 as it was `delay` updates before. At a tenth
  // each, whatever the delay, the average would swing from 4 updates on, and past 15 without bound.
  for (const std::uint64_t delay : {0, 4, 20, 100}) {
    CAPTURE(delay);
    auto options = mixed_shard("asp");
    options.parameters.sends_changed_blocks = false;
    shard_probe shard(std::move(options));
    std::vector<float> history{0};
    for (std::uint64_t step = 0; step < 60 * (1 + delay); ++step) {
      const auto read = step - std::min(step, delay);
      auto push = push_of_six(step, 1, history[read] - 1);
      push.read = {read};
      shard.push(push);
      history.push_back(shard.parameters()[2]);
      REQUIRE(history.back() >= history[history.size() - 2]);
      REQUIRE(history.back() <= 1);
    }
    CHECK(history.back() > 0.99F);
  }
}

TEST_CASE("the schedule is driven by the samples applied at the shard", "[runtime][shard]") {
  shard_probe shard(sgd_shard("asp", "step:4:0.5"));
  CHECK(moves(shard, 6) == std::vector<float>{1, 1, 0.5F, 0.5F, 0.25F, 0.25F});
  CHECK(shard.twin.on_snapshot({}).value().samples == 12);
  CHECK(shard.pull(pull_of(worker_stamp(0), 6)).pulls.at(0).what.samples == 12);
}

TEST_CASE("a skipped push is no sample applied", "[runtime][shard]") {
  shard_probe shard(sgd_shard("asp", "step:4:0.5"));
  auto push = push_of(worker_stamp(0), 0, 0, 0, 1);
  push.verdict = push_verdict::skip;
  push.samples = 100;
  push.gradient = {};
  shard.push(push);
  CHECK(shard.twin.on_snapshot({}).value().samples == 0);
}

TEST_CASE("a round counts the samples of all its pushes, once", "[runtime][shard]") {
  auto options = sgd_shard("bsp", "constant", 16);
  options.workers = 2;
  shard_probe shard(std::move(options));
  for (std::uint32_t worker = 0; worker < 2; ++worker) {
    auto push = in_round(push_of(worker_stamp(worker), 0, worker, -1, 1), 0, 2);
    push.samples = 4;
    shard.push(push);
  }
  CHECK(shard.parameters() == std::vector<float>{0.5F}); // 8 of 16 samples of warm-up
  CHECK(shard.twin.on_snapshot({}).value().samples == 8);
}

TEST_CASE("a shard that goes on from another's count goes on in its schedule", "[runtime][shard]") {
  auto options = sgd_shard("asp", "step:4:0.5");
  options.parameters.samples_applied = 8;
  shard_probe shard(std::move(options));
  CHECK(moves(shard, 1) == std::vector<float>{0.25F});
}

TEST_CASE("N shards make the parameters of one, to the bit, with every optimizer",
          "[runtime][shard]") {
  const auto rows = catalog::standard();
  const data_facts facts{{{28, 28, 1}, 10}, 1000};
  for (const auto& row : rows.optimizers) {
    CAPTURE(row.name);
    job x;
    x.optimizer.name = row.name;
    x.optimizer.options.momentum = 0.5F;
    x.optimizer.schedule = "cosine:1 epoch";
    x.staleness.policy = "asp";
    const auto network = make_network(x, rows, facts.input);
    const auto specs = network->parameters();
    const auto elements = ops::parameter_elements(specs);
    std::vector<float> of_one;
    for (const std::uint32_t shards : {1, 2, 5}) {
      x.topology.shards = shards;
      const auto parts = partition::balanced(specs, shards,
                                             row.needs_whole_tensors ? partition_grain::tensor
                                                                     : partition_grain::block);
      std::vector<std::shared_ptr<const pull_reply>> ends;
      for (std::uint32_t shard = 0; shard < shards; ++shard) {
        auto options = make_shard(x, rows, facts, stamp_of(actor_role::shard, shard));
        options.self = stamp_of(actor_role::shard, shard);
        options.parameters.threads = static_cast<int>(shards);
        shard_probe probe(std::move(options));
        for (std::uint64_t step = 0; step < 3; ++step) {
          auto push = push_of(worker_stamp(0), step, step);
          std::vector<float> own(static_cast<std::size_t>(parts.elements_of({shard})));
          parts.gather({shard}, numbers(elements, 10 + step), own);
          push.gradient = tensor_of(own);
          push.samples = 32;
          for (const auto& frame : cut(push, 10'007)) probe.push(frame);
        }
        REQUIRE(probe.version() == 3);
        ends.push_back(std::make_shared<const pull_reply>(probe.twin.on_snapshot({}).value()));
      }
      const auto flat = assemble_parameters(x, rows, facts, ends);
      if (of_one.empty()) of_one = flat;
      CHECK(flat == of_one);
    }
  }
}

} // namespace lagrange::tests
