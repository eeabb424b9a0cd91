// The shard's shell and its port: it parks what its twin parks, answers what its twin answers, and
// refuses bytes.
#include "actors/shard.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/plane_peer.hpp"

#include <caf/stateful_actor.hpp>
#include <catch2/catch.hpp>

#include <limits>

using namespace lagrange;
using namespace lagrange::runtime;

namespace {

/// What the peers of a shard under test have heard.
struct heard {
  std::vector<settled_lease> settled;
  std::vector<actor_loss> losses;
  std::size_t reports = 0;
};

/// A feeder that only takes settlements; anything else is a mistake of the shard's.
actors::feeder_actor::behavior_type dummy_feeder(std::shared_ptr<heard> log) {
  return {
      [log](const settlement& x) {
        log->settled.insert(log->settled.end(), x.leases.begin(), x.leases.end());
        return settlement_ack{x.from, x.sequence};
      },
      [](const round_request& x) {
        return round_closing{x.from, x.round, {}, {}};
      },
      [](const switch_order& x) {
        return switch_ack{x.from, x.number, x.phase, {}};
      },
      [](const cut_order&) { FAIL("a shard orders no cut"); },
      [](const membership_view& x) { return view_ack{x.from}; },
      [](const actors::arrival&) {},
      [](const actors::link_loss&) {},
      [](actors::wake_atom) {},
      [](actors::tick_atom) {},
  };
}

/// A supervisor that only takes reports and losses.
actors::supervisor_actor::behavior_type dummy_supervisor(std::shared_ptr<heard> log) {
  return {
      [](actors::start_atom) {},
      [](const node_hello&, const actors::node_actor&) { FAIL("a shard said hello"); },
      [](const actor_ready&, const actors::feeder_actor&) { FAIL("a shard is no feeder"); },
      [](const actor_ready&, const actors::shard_actor&) {},
      [](const actor_ready&) { FAIL("a shard is no worker"); },
      [log](const actor_loss& x) { log->losses.push_back(x); },
      [](const worker_report&) { FAIL("a shard is no worker"); },
      [log](const shard_report&) { ++log->reports; },
      [](const feeder_report&) { FAIL("a shard is no feeder"); },
      [](const actors::arrival&) {},
      [](const actors::link_loss&) {},
      [](const replica_follows&) { FAIL("a shard without a replica"); },
      [](const replica_filling&) { FAIL("a shard without a replica"); },
      [](const part_report&) { FAIL("a shard writes no part by itself"); },
      [](const watch_request&) { return watch_reply{}; },
      [](const switch_request&) { return switch_receipt{}; },
      [](actors::end_atom) { return actors::job_end{}; },
      [](actors::end_atom, int) {},
      [](actors::tick_atom) {},
  };
}

const stamp of_shard{{7}, {1}, {1}, {actor_role::shard, 0}, {1}};
stamp of_worker(std::uint32_t index) { return {{7}, {1}, {1}, {actor_role::worker, index}, {1}}; }

struct shard_fixture {
  transport::hub meeting{1};
  tests::deterministic_system world;
  std::shared_ptr<heard> log = std::make_shared<heard>();
  actors::shard_actor shard;
  std::optional<tests::plane_peer> first, second;
  std::vector<journal_entry> journal;
  std::size_t journal_room = 1000; ///< entries; then its disk is full

  journal_sink keeping() {
    return [this](shard_id, std::span<const journal_entry> entries) -> result<void> {
      if (journal.size() + entries.size() > journal_room)
        return failure(errc::bad_file, "cannot write its journal: no space is left");
      journal.insert(journal.end(), entries.begin(), entries.end());
      return success();
    };
  }

  shard_fixture() {
    auto setup = std::make_shared<actors::shard_setup>();
    setup->options.self = of_shard;
    setup->process = {of_shard.name, of_shard.life};
    setup->options.workers = 2;
    setup->options.parameters.values = {1, 2, 3};
    setup->options.policy = make_policy(policies(), "ssp:0").value();
    setup->options.parameters.optimizer = ops::optimizers().front().make(3, {.rate = 1});
    setup->journal = keeping();
    setup->seat = std::make_unique<actors::plane_seat>();
    setup->seat->plane = meeting.open(setup->seat->receives);
    const auto at = setup->seat->plane->where();
    setup->feeder = world.system().spawn(dummy_feeder, log);
    setup->supervisor = world.system().spawn(dummy_supervisor, log);
    shard = world.system().spawn(actors::shard, std::move(setup));
    world.run();
    first.emplace(meeting, at);
    second.emplace(meeting, at);
  }
  ~shard_fixture() {
    caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
    world.run();
  }

  void pull(tests::plane_peer& from, std::uint32_t worker, std::uint64_t clock) {
    from.send(pull_request{of_worker(worker), {clock}, {}, {}, {}});
    world.run();
  }
  void push(tests::plane_peer& from, std::uint32_t worker, std::uint64_t clock) {
    gradient_push made;
    made.from = of_worker(worker);
    made.clock = {clock};
    made.what = {{clock * 2 + worker}, {1}, 0, 0, 0};
    made.gradient = ops::tensor(ops::dtype::f32, {3});
    for (auto& value : made.gradient.values<float>()) value = 1;
    made.samples = 1;
    from.send(made);
    world.run();
  }
};

} // namespace

TEST_CASE_METHOD(shard_fixture, "CL-2: a parked pull is answered when the slowest has caught up",
                 "[actors][shard]") {
  pull(*first, 0, 0);
  CHECK(first->take<pull_reply>().value().version.value == 0);
  push(*first, 0, 0);
  CHECK(first->take<push_ack>().value().outcome == push_outcome::taken);
  pull(*first, 0, 1);
  CHECK(first->frames.empty());
  push(*second, 1, 0);
  const auto reply = first->take<pull_reply>();
  REQUIRE(reply);
  CHECK(reply->version.value == 2);
  CHECK(reply->parameters.values<float>()[0] == -1);
  CHECK(log->settled.size() == 2);
}

TEST_CASE_METHOD(shard_fixture, "bytes that are no frame are refused, and their sender is reported",
                 "[actors][shard]") {
  pull(*first, 0, 0);
  REQUIRE(first->take<pull_reply>());
  transport::frame nonsense;
  nonsense.kind = static_cast<std::uint16_t>(frame_kind::gradient_push);
  nonsense.head = {1, 2, 3};
  first->send(nonsense);
  world.run();
  const auto refused = first->take<rejection>();
  REQUIRE(refused);
  CHECK(refused->why.code == errc::bad_frame);
  CHECK(first->down);
  REQUIRE(log->losses.size() == 1);
  CHECK(log->losses[0].who == actor_life{{actor_role::worker, 0}, {1}});
  CHECK_THAT(log->losses[0].cause, Catch::StartsWith("was lost by shard-0: bad frame"));
  pull(*second, 1, 0);
  CHECK(second->take<pull_reply>().value().changed); // and everybody else goes on
}

TEST_CASE_METHOD(shard_fixture, "a frame of a kind that no shard takes is refused",
                 "[actors][shard]") {
  first->send(lease_request{of_worker(0), 1, {}, standing::joining, {}});
  world.run();
  CHECK(first->take<rejection>().value().why.code == errc::bad_frame);
  CHECK(first->down);
}

TEST_CASE_METHOD(shard_fixture, "whoever asks for a snapshot gets one, but of its own job",
                 "[actors][shard]") {
  first->send(snapshot_request{{{7}, {1}, {1}, {actor_role::supervisor, 0}, {1}}, 42, {}});
  world.run();
  const auto reply = first->take<pull_reply>();
  REQUIRE(reply);
  CHECK(reply->clock == worker_clock{42});
  CHECK(reply->parameters.values<float>()[2] == 3);
  first->send(snapshot_request{{{8}, {1}, {1}, {actor_role::supervisor, 0}, {1}}, 43, {}});
  world.run();
  CHECK(first->take<rejection>().value().why.code == errc::fenced);
}

TEST_CASE_METHOD(shard_fixture, "a lost link is reported once its process had time to say more",
                 "[actors][shard]") {
  pull(*first, 0, 0);
  first.reset();
  world.run();
  CHECK(log->losses.empty());
  world.pass(actors::process_end_grace);
  REQUIRE(log->losses.size() == 1);
  CHECK(log->losses[0].who.name == actor_name{actor_role::worker, 0});
}

TEST_CASE_METHOD(shard_fixture, "a shard counts what crossed the plane", "[actors][shard]") {
  pull(*first, 0, 0);
  push(*first, 0, 0);
  caf::scoped_actor self(world.system());
  auto asked = self->request(shard, std::chrono::seconds(60), actors::report_atom::value);
  world.run();
  asked.receive(
      [](const shard_report& x) {
        CHECK(x.pushed_bytes > 12);
        CHECK(x.pulled_bytes > 12);
        CHECK(x.framing_bytes == x.pushed_bytes + x.pulled_bytes - 24);
        CHECK(x.other_bytes > 0);
      },
      [](const caf::error& why) { FAIL(caf::to_string(why)); });
}

TEST_CASE_METHOD(shard_fixture, "a shard reports as time passes", "[actors][shard]") {
  const auto before = log->reports;
  world.pass(actors::tick_period);
  CHECK(log->reports == before + 1);
}

TEST_CASE_METHOD(shard_fixture,
                 "EN-1: a shard that cannot keep its journal answers nothing more, "
                 "and says why",
                 "[actors][shard]") {
  journal_room = 2;
  pull(*first, 0, 0);
  pull(*second, 1, 0);
  CHECK(journal.size() == 2);
  push(*first, 0, 0);
  REQUIRE(log->losses.size() == 1);
  CHECK(log->losses.front().who == actor_life{{actor_role::shard, 0}, {1}});
  CHECK(log->losses.front().cause == "cannot write its journal: no space is left");
  REQUIRE(first->take<pull_reply>());
  CHECK_FALSE(first->take<push_ack>()); // not acknowledged
  journal_room = 1000;
  push(*second, 1, 0);
  CHECK(journal.size() == 2);
  CHECK(log->losses.size() == 1);
  CHECK(log->settled.empty());
}
