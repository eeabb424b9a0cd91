// The shard's shell: it parks what its twin parks, answers what its twin answers, and refuses
// bytes.
#include "actors/shard.hpp"
#include "tests/support/deterministic_system.hpp"

#include <caf/stateful_actor.hpp>
#include <catch2/catch.hpp>

#include <limits>

using namespace lagrange;
using namespace lagrange::runtime;

namespace {

/// What the peers of a shard under test have heard.
struct heard {
  std::vector<settled_lease> settled;
  std::vector<std::string> accusations;
  std::size_t reports = 0;
};

/// A feeder that only takes settlements; anything else is a mistake of the shard's.
actors::feeder_actor::behavior_type dummy_feeder(std::shared_ptr<heard> log) {
  return {
      [](const lease_request&) -> framed<lease_grant> {
        FAIL("a shard asked for a lease");
        return {};
      },
      [log](const settlement& x) {
        log->settled.insert(log->settled.end(), x.leases.begin(), x.leases.end());
        return settlement_ack{x.from, x.sequence};
      },
      [](const membership_view& x) { return view_ack{x.from}; },
      [](actors::tick_atom) {},
  };
}

/// A supervisor that only takes reports and accusations.
actors::supervisor_actor::behavior_type dummy_supervisor(std::shared_ptr<heard> log) {
  return {
      [](actors::start_atom) {},
      [](const node_hello&, const actors::node_actor&) { FAIL("a shard said hello"); },
      [](const actor_ready&, const actors::feeder_actor&) { FAIL("a shard is no feeder"); },
      [](const actor_ready&, const actors::shard_actor&) {},
      [](const actor_ready&) { FAIL("a shard is no worker"); },
      [](const actor_loss&) { FAIL("nobody was lost"); },
      [log](const caf::node_id&, const std::string& text) { log->accusations.push_back(text); },
      [](const worker_report&) { FAIL("a shard is no worker"); },
      [log](const shard_report&) { ++log->reports; },
      [](const feeder_report&) { FAIL("a shard is no feeder"); },
      [](const watch_request&) { return watch_reply{}; },
      [](actors::end_atom) { return actors::job_end{}; },
      [](actors::end_atom, int) {},
      [](actors::tick_atom) {},
  };
}

const stamp of_shard{{7}, {1}, {1}, {actor_role::shard, 0}, {1}};
stamp of_worker(std::uint32_t index) { return {{7}, {1}, {1}, {actor_role::worker, index}, {1}}; }

struct shard_fixture {
  tests::deterministic_system world;
  std::shared_ptr<heard> log = std::make_shared<heard>();
  actors::shard_actor shard;
  caf::scoped_actor first{world.system()};
  caf::scoped_actor second{world.system()};

  shard_fixture() {
    auto setup = std::make_shared<actors::shard_setup>();
    setup->options.self = of_shard;
    setup->options.workers = 2;
    setup->options.parameters = {1, 2, 3};
    setup->options.policy = make_policy(policies(), "ssp:0").value();
    setup->options.optimizer = ops::optimizers().front().make(3, {.rate = 1});
    setup->feeder = world.system().spawn(dummy_feeder, log);
    setup->supervisor = world.system().spawn(dummy_supervisor, log);
    shard = world.system().spawn(actors::shard, std::move(setup));
    world.run();
  }
  ~shard_fixture() {
    caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
    world.run();
  }

  auto pull(caf::scoped_actor& self, std::uint32_t worker, std::uint64_t clock) {
    auto request = self->request(shard, std::chrono::seconds(60),
                                 framed<pull_request>({of_worker(worker), {clock}, {}, {}}));
    world.run();
    return request;
  }
  auto push(caf::scoped_actor& self, std::uint32_t worker, std::uint64_t clock) {
    gradient_push made;
    made.from = of_worker(worker);
    made.clock = {clock};
    made.what = {{clock * 2 + worker}, {1}, 0, 0, 0};
    made.gradient = ops::tensor(ops::dtype::f32, {3});
    for (auto& value : made.gradient.values<float>()) value = 1;
    made.samples = 1;
    auto request = self->request(shard, std::chrono::seconds(60), framed<gradient_push>(made));
    world.run();
    return request;
  }
};

const auto unexpected = [](const caf::error& why) { FAIL(caf::to_string(why)); };

} // namespace

TEST_CASE_METHOD(shard_fixture, "CL-2: a parked pull is answered when the slowest has caught up",
                 "[actors][shard]") {
  pull(first, 0, 0)
      .receive([](const framed<pull_reply>& x) { CHECK(x->version.value == 0); }, unexpected);
  push(first, 0, 0)
      .receive([](const push_ack& x) { CHECK(x.outcome == push_outcome::taken); }, unexpected);
  auto waiting = pull(first, 0, 1);
  CHECK(first->mailbox().empty());
  push(second, 1, 0).receive([](const push_ack&) {}, unexpected);
  REQUIRE_FALSE(first->mailbox().empty());
  waiting.receive(
      [](const framed<pull_reply>& x) {
        CHECK(x->version.value == 2);
        CHECK(x->parameters.values<float>()[0] == -1);
      },
      unexpected);
  CHECK(log->settled.size() == 2);
}

TEST_CASE_METHOD(shard_fixture, "bytes that are no frame are refused and their sender accused",
                 "[actors][shard]") {
  auto request = first->request(shard, std::chrono::seconds(60),
                                framed<pull_request>(error{errc::bad_frame, "bad magic"}));
  world.run();
  request.receive([](const framed<pull_reply>&) { FAIL("a bad frame was answered"); },
                  [](const caf::error& why) {
                    CHECK(actors::from_caf(why) == error{errc::bad_frame, "bad magic"});
                  });
  CHECK(log->accusations == std::vector<std::string>{"bad magic"});
  pull(first, 0, 0).receive([](const framed<pull_reply>& x) { CHECK(x->changed); }, unexpected);
}

TEST_CASE_METHOD(shard_fixture, "a shard reports as time passes", "[actors][shard]") {
  const auto before = log->reports;
  world.pass(actors::tick_period);
  CHECK(log->reports == before + 1);
}
