#include "runtime/diagnosis.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;

namespace {

learning_settings settings() {
  learning_settings made;
  made.workers = 4;
  made.leases = 4800; // windows of 120 steps
  made.policy = "ssp:8";
  made.bound = 8;
  made.rate = 0.1;
  made.classes = 10;
  return made;
}

/// Four workers that report every ten steps of ten samples.
struct job_probe {
  explicit job_probe(learning_settings job = settings()) : twin(std::move(job)) { be_stale(0, 0); }

  diagnosis twin;
  std::array<worker_report, 4> last{};
  std::array<std::chrono::milliseconds, 4> step{10ms, 10ms, 10ms, 10ms}, wait{};
  std::array<std::uint64_t, 4> skips{}; ///< of ten steps

  void tell(double loss) {
    for (std::uint32_t worker = 0; worker < 4; ++worker) {
      auto& x = last[worker];
      if (x.from.life.value == 0) x.from = worker_stamp(worker);
      x.steps += 10;
      x.samples += 100;
      x.skipped += skips[worker];
      x.compute += 10 * step[worker];
      x.waiting += 10 * wait[worker];
      x.loss_steps = static_cast<double>(10 - skips[worker]);
      // Reports differ by chance, here by a twentieth either way.
      x.loss = loss * (worker % 2 == 0 ? 1.05 : 0.95);
      twin.on_report(x);
    }
  }
  /// Windows of 120 steps with such a loss each.
  void tell_windows(std::size_t count, double loss) {
    for (std::size_t i = 0; i < 3 * count; ++i) tell(loss);
  }
  void be_stale(std::size_t p50, std::size_t p99) {
    shard_report x;
    x.from = stamp_of(actor_role::shard, 0);
    x.staleness.assign(256, 0);
    x.staleness[p50] = 90;
    x.staleness[p99] = 10;
    twin.on_report(x);
  }
  std::string said() const {
    std::string all;
    for (const auto& each : twin.given()) all += each + "\n";
    return all;
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("nothing is said of a job that learns", "[runtime][diagnosis]") {
  job_probe job;
  job.be_stale(3, 8);
  for (double loss = 2.3; loss > 0.2; loss *= 0.9) job.tell_windows(1, loss);
  job.tell_windows(20, 0.2);
  CHECK(job.said() == "");
}

TEST_CASE("a loss that rises while gradients are old is laid on their staleness, once",
          "[runtime][diagnosis]") {
  job_probe job;
  job.be_stale(9, 30);
  job.tell_windows(3, 1.0);
  job.tell_windows(1, 1.6);
  CHECK(job.said() == ""); // once may be chance
  job.tell_windows(6, 1.6);
  CHECK(job.twin.given().size() == 1);
  CHECK(has(job.said(), "has risen to 1.6 at 6000 samples, from 1 at 1200: gradients are 9 updates "
                        "old at the median and 30 at p99, so the rate of 0.1 acts like 1."));
  CHECK(has(job.said(), "Try --policy ssp:3, --set staleness.weight=inverse, --set "
                        "staleness.compensation=dc:0.04 or --set optimizer.rate=0.01."));
  job.tell_windows(2, 8.0); // much worse
  REQUIRE(job.twin.given().size() == 2);
  CHECK(has(job.twin.given()[1], "risen to 8"));
}

TEST_CASE("no cause is named before a shard has told how old gradients are",
          "[runtime][diagnosis]") {
  diagnosis twin(settings());
  worker_report x;
  x.from = worker_stamp(0);
  x.loss_steps = 100;
  for (int report = 0; report < 40; ++report) {
    x.steps += 100;
    x.loss = report < 16 ? 1 : 9;
    CHECK(twin.on_report(x).empty());
  }
}

TEST_CASE("a loss that rises though nothing is stale is laid on the rate", "[runtime][diagnosis]") {
  job_probe job;
  job.be_stale(0, 0);
  job.tell_windows(3, 1.0);
  job.tell_windows(2, 1.6);
  CHECK(has(job.said(), "the rate of 0.1 is too high"));
  CHECK(has(job.said(), "--set optimizer.rate=0.03, --set optimizer.clip_norm=1 or"));
}

TEST_CASE("a rise within the noise, or of next to nothing, is none", "[runtime][diagnosis]") {
  job_probe job;
  job.tell_windows(3, 2.0);
  job.tell_windows(3, 0.04);
  job.tell_windows(6, 0.06); // by half, but of what was won it is a hundredth
  CHECK(job.said() == "");
  job_probe other;
  other.tell_windows(3, 1.0);
  other.tell_windows(6, 1.15);
  CHECK(other.said() == "");
}

TEST_CASE("advice names no setting that the job has already", "[runtime][diagnosis]") {
  auto all = settings();
  all.weigh = [](std::uint64_t staleness) {
    return 1 / static_cast<double>(std::max<std::uint64_t>(staleness, 1));
  };
  all.compensation = "dc:0.1";
  all.clip_norm = 1;
  all.warmup_samples = 100;
  all.policy = "asp";
  all.bound = {};
  const staleness_figures old{10, 50};
  CHECK(against_staleness(all, old) == std::vector<std::string>{"--policy ssp:3",
                                                                "--set "
                                                                "optimizer.rate=0.09"});
  CHECK(against_large_steps(all, 0.1) == std::vector<std::string>{"--set optimizer.rate=0.01"});
  all.has_rounds = true;
  all.policy = "quorum:3:10ms";
  CHECK(against_waiting(all, 0.01).front() == "--policy asp");
  all.precision = "bf16";
  CHECK(against_overflow(all).size() == 1);
}

TEST_CASE("a loss that stands where a constant answer's is, is said a fifth of the way",
          "[runtime][diagnosis]") {
  job_probe still;
  still.tell_windows(7, 2.31);
  CHECK(still.said() == "");
  still.tell_windows(30, 2.31);
  CHECK(still.twin.given().size() == 1);
  CHECK(has(still.said(),
            "stands at 2.31 after 9600 samples, where a constant answer has a loss of "
            "about 2.303"));
  CHECK(has(still.said(), "Try --set optimizer.rate=1 or --set optimizer.rate=0.01."));
  job_probe thrown;
  thrown.tell_windows(1, 40);
  thrown.tell_windows(8, 2.31);
  CHECK(has(thrown.said(), "the rate of 0.1 is too high"));
  auto with = settings();
  with.warmup_samples = 20'000;
  job_probe warming(with);
  warming.tell_windows(15, 2.31);
  CHECK(warming.said() == "");
}

TEST_CASE("steps that are skipped by one worker alone are laid on its device",
          "[runtime][diagnosis]") {
  job_probe job;
  job.skips = {0, 0, 3, 0};
  job.tell_windows(3, 1.0);
  CHECK(has(job.said(), "all of them by worker-2") == false);
  CHECK(has(job.said(), "9 of them by worker-2 alone"));
  CHECK(has(job.said(), "device or its memory"));
}

TEST_CASE("steps that all skip are too large, or the end", "[runtime][diagnosis]") {
  job_probe some;
  some.tell_windows(1, 1.0);
  some.skips = {2, 1, 1, 1};
  some.tell_windows(1, 1.0);
  CHECK(has(some.said(), "15 steps since about 1200 samples are skipped"));
  CHECK(has(some.said(), "steps that are too large. Try --set optimizer.rate=0.01"));
  job_probe all;
  all.skips = {10, 10, 10, 10};
  all.tell_windows(20, 1.0);
  CHECK(all.twin.given().size() == 1);
  CHECK(has(all.said(), "cannot recover"));
}

TEST_CASE("f16 skips steps to find its scale, and nothing is said of that",
          "[runtime][diagnosis]") {
  auto half = settings();
  half.precision = "f16";
  job_probe job(half);
  job.skips = {4, 4, 4, 4};
  for (int i = 0; i < 4; ++i) job.tell(1.0);
  job.skips = {};
  job.tell_windows(20, 1.0);
  CHECK(job.said() == "");
  job.skips = {2, 2, 2, 2};
  job.tell_windows(3, 1.0);
  CHECK(has(job.said(), "--set precision.compute=bf16"));
}

TEST_CASE("a slow worker is named where the others wait for it, and not under asp",
          "[runtime][diagnosis]") {
  job_probe job;
  job.step[2] = 50ms;
  job.wait = {40ms, 40ms, 0ms, 40ms};
  job.tell_windows(10, 1.0);
  CHECK(job.twin.given().size() == 1);
  CHECK(has(job.said(), "a step of worker-2 takes 5.0 times as long as the others', which under "
                        "ssp:8 wait 80 % of their time. Try --policy quorum:3:5ms, --policy asp"));
  auto free = settings();
  free.policy = "asp";
  job_probe other(free);
  other.step = job.step;
  other.wait = job.wait;
  other.tell_windows(10, 1.0);
  CHECK(other.said() == "");
}

TEST_CASE("a worker's next life begins to count at nothing", "[runtime][diagnosis]") {
  job_probe job;
  job.skips = {0, 2, 0, 0};
  job.tell(1.0); // two
  job.last[1] = {};
  job.last[1].from = worker_stamp(1, 2);
  job.tell(1.0); // two more: not the same two again
  job.skips = {};
  job.tell_windows(1, 1.0);
  CHECK(has(job.said(), "4 steps since about 100 samples are skipped"));
}

} // namespace lagrange::tests
