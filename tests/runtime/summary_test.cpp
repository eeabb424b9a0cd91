#include "runtime/summary.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace lagrange::runtime;

namespace {

summary measured() {
  summary x;
  x.job = "fashion-lenet";
  x.policy = "ssp:3";
  x.workers = 4;
  x.shards = 2;
  x.seed = 1;
  x.epochs = 5;
  x.wall_seconds = 41.25;
  x.train_seconds = 40.5;
  x.samples_per_second = 7407.5;
  x.test_accuracy = 0.8912;
  x.updates = 4690;
  x.leases = {4690, 4690, 0, 0, 0, 0, 0};
  x.staleness = {3.0, 6.0, 9.0};
  x.lag_max = 3;
  x.bytes = {3'400'000'000, 999, 12, 34, "topk:0.01 | int8", "none", {{"w", 5, 6}}};
  x.switches = {{"asp", 61, 7, 1.5}};
  x.parameters_sha256 = "ab12";
  return x;
}

} // namespace

TEST_CASE("a summary has the contract's fields in the contract's order", "[runtime][summary]") {
  CHECK(to_json(measured()) ==
        R"({"job":"fashion-lenet","outcome":"done","policy":"ssp:3","workers":4,"shards":2,)"
        R"("replicas":0,"seed":1,"epochs":5,"wall_seconds":41.25,"train_seconds":40.5,)"
        R"("samples_per_second":7407.5,"test_accuracy":0.8912,"test_loss":null,)"
        R"("train_loss":null,"time_to_target_seconds":null,"updates":4690,"skipped_steps":0,)"
        R"("leases":{"issued":4690,"applied":4690,"dropped":0,"dealt_again":0,"lost":0,)"
        R"("duplicated":0,"set_aside":0},"staleness":{"p50":3.0,"p99":6.0,"max":9.0},"lag_max":3,)"
        R"("wait_share":null,"bytes":{"pushed":3400000000,"pulled":999,"framing":12,"other":34,)"
        R"("push_codec":"topk:0.01 | int8","pull_codec":"none",)"
        R"("tensors":[{"name":"w","pushed":5,"pulled":6}]},)"
        R"("restarts":{"worker":0,"shard":0,"feeder":0},"recovery_ms":{"p50":null,"p99":null},)"
        R"("switches":[{"to":"asp","clock":61,"samples":7,"seconds":1.5}],)"
        R"("checkpoints":0,"parameters_sha256":"ab12","emulated":false,"advice":[],"joined":[],)"
        R"("left":[],"given_up":[]})");
}

TEST_CASE("a summary that is written and read again is the same summary", "[runtime][summary]") {
  auto x = measured();
  x.outcome = "interrupted";
  x.test_loss = 0.1 + 0.2;
  x.recovery_ms = {311.0, 402.5};
  x.restarts = {1, 2, 3};
  x.emulated = true;
  x.advice = {"Try \"this\".", "Try that."};
  x.leases.set_aside = 2;
  x.given_up = {"worker-2"};
  x.joined = {"worker-4", "worker-4"};
  x.left = {"worker-1"};
  const auto again = parse_summary(to_json(x), "summary.json");
  REQUIRE(again);
  CHECK(again.value() == x);
}

TEST_CASE("a number that is not finite is null in a summary", "[runtime][summary]") {
  auto x = measured();
  x.train_loss = std::numeric_limits<double>::quiet_NaN();
  x.test_loss = std::numeric_limits<double>::infinity();
  const auto again = parse_summary(to_json(x), "summary.json");
  REQUIRE(again);
  CHECK_FALSE(again.value().train_loss);
  CHECK_FALSE(again.value().test_loss);
}

TEST_CASE("a damaged summary is refused with the field's name", "[runtime][summary]") {
  const auto refusal = [](const std::string& text) {
    const auto made = parse_summary(text, "summary.json");
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::bad_file);
    return made.error().text;
  };
  CHECK(refusal("").find("summary.json: no JSON object") == 0);
  CHECK(refusal("[1]").find("no JSON object") != std::string::npos);
  CHECK(refusal("{}").find("job is missing") != std::string::npos);
  auto text = to_json(measured());
  text.replace(text.find("\"lost\":0"), 8, "\"lost\":-1");
  CHECK(refusal(text).find("leases.lost is -1") != std::string::npos);
}

TEST_CASE("LE-1: the audit is one line, and names what was dropped or dealt again only if any was",
          "[runtime][summary]") {
  auto x = measured();
  CHECK(audit_line(x) == "leases: 4690 issued, 4690 applied, 0 lost, 0 duplicated");
  x.leases.dropped = 2;
  CHECK(audit_line(x) == "leases: 4690 issued, 4690 applied, 0 lost, 0 duplicated, 2 dropped");
  x.leases.dealt_again = 1;
  CHECK(audit_line(x) ==
        "leases: 4690 issued, 4690 applied, 0 lost, 0 duplicated, 2 dropped, 1 dealt again");
}

TEST_CASE("the end of a job tells accuracy, audit, bytes and the run's folder",
          "[runtime][summary]") {
  const auto text = to_text(measured(), "runs/x");
  for (const std::string line : {"test accuracy: 0.8912 (loss unknown)\n",
                                 "leases: 4690 issued, 4690 applied, 0 lost, 0 duplicated\n",
                                 "time: 41.2 s, 40.5 s of it training, 7408 samples/s\n",
                                 "staleness: p50 3, p99 6, max 9; largest lag 3; waiting unknown\n",
                                 "bytes: 3.4 GB pushed, 999 B pulled\n", "run: runs/x\n"}) {
    CAPTURE(text, line);
    CHECK(text.find(line) != std::string::npos);
  }
}
