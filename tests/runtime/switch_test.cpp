#include "runtime/policy_switch.hpp"
#include "runtime/switch_rules.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

switch_ack ack_of(const switch_order& order, actor_role role, std::uint32_t index,
                  std::uint64_t first = 0) {
  return {stamp_of(role, index), order.number, order.phase, {first}};
}

worker_report report_of(double loss, double steps) {
  worker_report made;
  made.loss = loss;
  made.loss_steps = steps;
  return made;
}

} // namespace

TEST_CASE("CL-2: a switch drains, holds every shard, and begins at the highest clock they answer",
          "[runtime][switch]") {
  policy_switch twin(2);
  CHECK(!twin.next(at(0ms)));
  CHECK(twin.ask("asp") == 1);
  const auto drain = twin.next(at(0ms)).value();
  CHECK(drain.phase == switch_phase::drain);
  CHECK(!twin.next(at(500ms))); // its answer may still come
  CHECK(twin.next(at(1000ms))->phase == switch_phase::drain);
  twin.on_ack(ack_of(drain, actor_role::feeder, 0));
  const auto hold = twin.next(at(1000ms)).value();
  CHECK(hold.phase == switch_phase::hold);
  twin.on_ack(ack_of(hold, actor_role::shard, 0, 7));
  twin.on_ack(ack_of(hold, actor_role::shard, 0, 7)); // repeated: it is one shard
  twin.on_ack(ack_of(hold, actor_role::feeder, 0, 99));
  CHECK(!twin.next(at(1100ms)));
  twin.on_ack(ack_of(hold, actor_role::shard, 1, 9));
  const auto commit = twin.next(at(1100ms)).value();
  CHECK(commit.phase == switch_phase::commit);
  CHECK(commit.first == worker_clock{9});
  twin.on_ack(ack_of(commit, actor_role::shard, 0));
  twin.on_ack(ack_of(hold, actor_role::shard, 1, 12)); // late: of the phase before
  CHECK(twin.done() == 0);
  twin.on_ack(ack_of(commit, actor_role::shard, 1));
  const auto resume = twin.next(at(1100ms)).value();
  CHECK(resume.phase == switch_phase::resume);
  CHECK(!twin.take_done());
  twin.on_ack(ack_of(resume, actor_role::feeder, 0));
  CHECK(twin.take_done()->policy == "asp");
  CHECK(twin.done() == 1);
}

TEST_CASE("switches of the policy are done one after the other, and at most 16 wait",
          "[runtime][switch]") {
  policy_switch twin(1);
  for (std::uint64_t number = 1; number <= 16; ++number) CHECK(twin.ask("asp") == number);
  CHECK(twin.ask("bsp") == 0);
  CHECK(twin.next(at(0ms))->number == 1);
  CHECK(twin.ask("bsp") == 17);
}

TEST_CASE("rules of staleness.switch are read, and refused with what was expected",
          "[runtime][switch]") {
  CHECK(make_trigger({"epoch 2", "", "asp"}).value().at->samples(100) == 200);
  CHECK(make_trigger({"3 epochs", "", "asp"}).value().at->samples(100) == 300);
  CHECK(make_trigger({"250 samples", "", "asp"}).value().at->samples(100) == 250);
  CHECK(make_trigger({"", "loss rises 20%", "bsp"}).value().rise == Approx(0.2));
  const auto problem = [](const switch_rule& rule) { return make_trigger(rule).error().text; };
  CHECK_THAT(problem({"", "", "asp"}), Contains("either at") && Contains("or when"));
  CHECK_THAT(problem({"epoch 1", "loss rises 20%", "asp"}), Contains("either at"));
  CHECK_THAT(problem({"noon", "", "asp"}), Contains("at = \"noon\", expected a moment"));
  for (const auto* when : {"loss rises", "loss rises %", "loss rises 0%", "loss falls 3%"})
    CHECK_THAT(problem({"", when, "asp"}), Contains("expected \"loss rises N%\""));
}

TEST_CASE("a rule is followed once, when so much was applied or the loss is so far above its best",
          "[runtime][switch]") {
  switch_watch watch({{{"epoch 1", "", "asp"}, {"", "loss rises 20%", "bsp"}}, 1000, 100});
  const auto due = [&](std::uint64_t samples) { return watch.take_due(samples); };
  CHECK(due(999).empty());
  CHECK(due(1000) == std::vector<std::string>{"asp"});
  CHECK(due(5000).empty());
  watch.on_report(report_of(1, 40)); // a window of 32 steps is full
  watch.on_report(report_of(1.5, 8));
  watch.on_report(report_of(std::nan(""), 8)); // tells nothing
  CHECK(due(5000).empty());
  watch.on_report(report_of(1.05, 24));
  CHECK(due(5000) == std::vector<std::string>{}); // 1.16
  watch.on_report(report_of(1.3, 32));
  CHECK(due(5000) == std::vector<std::string>{"bsp"});
  watch.on_report(report_of(9, 32));
  CHECK(due(5000).empty());
}

} // namespace lagrange::tests
