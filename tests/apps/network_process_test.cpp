// Jobs whose network is cut and healed between two namespaces: the supervisor, the shard and two
// workers are in one, a node that joined is in the other.
#include "apps/door.hpp"
#include "tests/support/elastic_job.hpp"
#include "tests/support/two_networks.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::tests;
using nlohmann::json;

namespace {

constexpr auto env = "/usr/bin/env";
constexpr int leases = 12'000;

/// A job over a network of its own, with one worker at the other end.
struct far_job {
  far_job()
      : job(net.here(program(
                elastic_job(folder, leases,
                            {"--transport", "tcp", "--set", "topology.listen=" + net.address(),
                             "--set", "restart.silence=2s"}))),
            env) {
    REQUIRE(
        job.status_where([](const json& x) { return has_steps(x, "worker-1", 5); }).is_object());
    guest.emplace(net.there(program({"node", "--join", run_in(folder).string()})), env);
    REQUIRE(
        job.status_where([](const json& x) { return has_steps(x, "worker-2", 5); }).is_object());
  }
  static std::vector<std::string> program(std::vector<std::string> words) {
    words.insert(words.begin(), LAGRANGE_PROGRAM);
    return words;
  }
  /// Until the job says that so much time has passed.
  void pass(double seconds) {
    std::optional<double> begin;
    const auto seen = job.status_where([&](const json& x) {
      const auto now = x["elapsed_seconds"].get<double>();
      if (!begin) begin = now;
      return now >= *begin + seconds;
    });
    REQUIRE(seen.is_object());
  }
  void await_vacancy() {
    const auto seen =
        job.status_where([](const json& x) { return row_of(x, "worker-2")["state"] == "vacant"; });
    INFO(job.output().substr(job.output().size() > 4000 ? job.output().size() - 4000 : 0));
    REQUIRE(seen.is_object());
  }
  /// Every lease once, whoever was cut off.
  void check_end() {
    CHECK(job.wait().status == 0);
    const auto figures = summary_in(folder);
    REQUIRE(figures.is_object());
    CHECK(figures["outcome"] == "done");
    CHECK(figures["leases"]["applied"] == leases);
    CHECK(figures["leases"]["lost"] == 0);
    CHECK(figures["leases"]["duplicated"] == 0);
    CHECK(figures["updates"] == leases);
    CHECK(call({"audit", run_in(folder).string()}).status == 0);
    CHECK(call({"replay", run_in(folder).string()}).status == 0);
  }

  two_networks net;
  temporary_folder folder;
  running_program job;
  std::optional<running_program> guest;
};

bool may_make_networks() {
  if (two_networks()) return true;
  WARN("SKIPPED: no right to make network namespaces, or no ip command");
  return false;
}

} // namespace

TEST_CASE(
    "CL-2 SH-2 EN-1: a node beyond a cut is declared dead, fenced when the cut heals, and the "
    "job goes on",
    "[apps][process][network]") {
  if (!may_make_networks()) return;
  far_job far;
  REQUIRE(far.net.cut());
  far.await_vacancy();
  REQUIRE(far.net.heal());
  const auto end = far.guest->wait(milliseconds(30'000));
  INFO(far.guest->output());
  CHECK(end.status == 1);
  CHECK_THAT(far.guest->output(),
             Catch::Contains("hears nothing of this incarnation any more: it can join again"));
  running_program again(far.net.there(far.program({"node", "--join", run_in(far.folder).string()})),
                        env);
  CHECK(
      far.job.status_where([](const json& x) { return has_steps(x, "worker-2", 5); }).is_object());
  far.check_end();
  CHECK(again.wait().status == 0);
  CHECK_THAT(again.output(), Catch::Contains("as worker-2, incarnation 2"));
}

TEST_CASE("EN-1: a node beyond a cut that does not heal ends by itself",
          "[apps][process][network]") {
  if (!may_make_networks()) return;
  far_job far;
  REQUIRE(far.net.cut());
  far.await_vacancy();
  CHECK(far.guest->wait(milliseconds(30'000)).status == 1);
  CHECK_THAT(far.guest->output(), Catch::Contains("worker-2 is cut off: the supervisor at"));
  far.check_end();
}

TEST_CASE("CL-2 SH-2 EN-1: the same of a link that is cut one way", "[apps][process][network]") {
  if (!may_make_networks()) return;
  far_job far;
  REQUIRE(far.net.cut_one_way());
  far.await_vacancy();
  REQUIRE(far.net.heal_one_way());
  CHECK(far.guest->wait(milliseconds(30'000)).status == 1);
  far.check_end();
}

TEST_CASE("a cut that is shorter than the silence that counts is a pause and no more",
          "[apps][process][network]") {
  if (!may_make_networks()) return;
  far_job far;
  REQUIRE(far.net.cut());
  far.pass(0.7);
  REQUIRE(far.net.heal());
  far.check_end();
  CHECK(far.guest->wait().status == 0);
  CHECK_THAT(far.guest->output(), Catch::Contains("the job is over"));
  CHECK(summary_in(far.folder)["left"].empty());
}
