// The residual under everything that can happen to a worker: a model of two shards that take,
// refuse and repeat, crashes between all steps, and a real kill -9 in the middle of an undo.
#include "runtime/residual.hpp"

#include "ops/contract.hpp"
#include "ops/random.hpp"
#include "runtime/codec/codec.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lagrange::runtime {

namespace {

const std::vector<std::size_t> sizes{17, 300};

/// Zeroed memory, shared with children, that ends where it is said to end.
class fresh_memory {
public:
  explicit fresh_memory(std::size_t size) : size_(size) {
    at_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at_ != MAP_FAILED);
  }
  fresh_memory(const fresh_memory&) = delete;
  ~fresh_memory() { munmap(at_, size_); }
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(at_), size_}; }

private:
  void* at_;
  std::size_t size_;
};

/// One shard as far as a worker sees it: sums instead of parameters.
struct model_shard {
  std::vector<double> applied; ///< what was decoded from the pushes it took
  std::vector<double> counted; ///< the gradients of those pushes
  std::map<std::uint64_t, std::uint32_t> attempts;
  std::vector<lease_attempt_id> taken; ///< of this worker, last two

  struct push {
    push_sequence sequence;
    lease_attempt_id what;
    std::vector<float> decoded, gradient;
  };
  bool take(const push& of) {
    const auto [at, is_new] = attempts.try_emplace(of.what.what.value, of.what.attempt.value);
    if (!is_new) return at->second == of.what.attempt.value;
    for (std::size_t i = 0; i < applied.size(); ++i) {
      applied[i] += of.decoded[i];
      counted[i] += of.gradient[i];
    }
    taken.push_back(of.what);
    if (taken.size() > 2) taken.erase(taken.begin());
    return true;
  }
};

/// A worker, its link to each shard, and everything that may go wrong, by seed.
class model {
public:
  explicit model(std::uint64_t seed) : drawn_(seed, 0), memory_(residual::bytes_for(sizes)) {
    for (const auto size : sizes)
      shards_.push_back({std::vector<double>(size), std::vector<double>(size), {}, {}});
    unanswered_.resize(sizes.size());
    delivered_.resize(sizes.size());
    start();
  }

  /// Empty, or how CO-1 was broken.
  std::string run(int steps) {
    for (int step = 0; step < steps; ++step) {
      act();
      if (auto found = find_breach(); !found.empty())
        return fmt::format("{}, step {}", found, step);
    }
    for (std::uint32_t i = 0; i < sizes.size(); ++i)
      while (!unanswered_[i].empty()) {
        deliver(i);
        answer(i);
      }
    return find_breach();
  }
  int refusals = 0, late_refusals = 0, crashes = 0;

private:
  std::uint64_t below(std::uint64_t bound) { return drawn_.bits(at_++) % bound; }

  void act() {
    const auto shard = static_cast<std::uint32_t>(below(sizes.size()));
    switch (below(12)) {
    case 0:
      crash();
      break;
    case 1:
      tear();
      break;
    case 2:
    case 3:
    case 4:
      push();
      break;
    case 5:
    case 6:
    case 7:
      deliver(shard);
      break;
    case 8:
      deliver(shard);
      [[fallthrough]];
    default:
      answer(shard);
    }
  }

  void start() {
    worker_.emplace(residual::open(memory_.bytes(), sizes).value());
    for (std::uint32_t i = 0; i < sizes.size(); ++i) {
      if (below(8) == 0) return start(); // dies again, having settled with some
      worker_->recover({i}, shards_[i].taken);
      unanswered_[i].clear();
      delivered_[i] = 0;
    }
  }
  void crash() {
    ++crashes;
    worker_.reset();
    start();
  }
  void tear() {
    if (!worker_->may_begin()) return;
    worker_->begin(worker_->newest().next(), {{lease_++}, {1}});
    auto part = worker_->after({0});
    for (std::size_t i = 0; i < below(part.size() + 1); ++i) part[i] = NAN;
    crash();
  }

  void push() {
    if (!worker_->may_begin()) return;
    const lease_attempt_id what{{lease_++}, {2}};
    const auto sequence = worker_->newest().next();
    worker_->begin(sequence, what);
    for (std::uint32_t shard = 0; shard < sizes.size(); ++shard) {
      if (below(4) == 0) shards_[shard].attempts[what.what.value] = 1; // somebody was faster
      model_shard::push made{sequence, what, std::vector<float>(sizes[shard]), {}};
      const auto before = worker_->before({shard});
      const auto left = worker_->after({shard});
      for (std::size_t i = 0; i < left.size(); ++i) {
        made.gradient.push_back(drawn_.unit(at_++) - 0.5F);
        left[i] = made.gradient[i] + before[i];
      }
      std::vector<std::byte> bytes(codec_->bytes_max(left.size()));
      bytes.resize(codec_->encode(left, sequence.value, bytes));
      REQUIRE(codec_->decode(bytes, made.decoded));
      unanswered_[shard].push_back(std::move(made));
    }
    worker_->end(sequence);
  }

  /// The next push arrives, or one that has arrived already, because it was repeated.
  void deliver(std::uint32_t shard) {
    auto& pushes = unanswered_[shard];
    if (pushes.empty()) return;
    if (delivered_[shard] > 0 && below(3) == 0) {
      shards_[shard].take(pushes[below(delivered_[shard])]);
    } else if (delivered_[shard] < pushes.size()) {
      shards_[shard].take(pushes[delivered_[shard]++]);
    }
  }
  /// An answer arrives; the push may be repeated and answered once more.
  void answer(std::uint32_t shard) {
    if (delivered_[shard] == 0 || below(4) == 0) return; // lost
    const auto of = unanswered_[shard].front();
    unanswered_[shard].pop_front();
    --delivered_[shard];
    const bool is_taken = shards_[shard].take(of);
    for (auto times = 1 + below(2); times > 0; --times)
      is_taken ? worker_->acknowledge({shard}, of.sequence) : worker_->undo({shard}, of.sequence);
    refusals += !is_taken;
    late_refusals += !is_taken && of.sequence < worker_->newest();
  }

  std::string find_breach() const {
    for (std::uint32_t shard = 0; shard < sizes.size(); ++shard) {
      if (!unanswered_[shard].empty()) continue;
      const auto left = worker_->before({shard});
      for (std::size_t i = 0; i < left.size(); ++i) {
        const auto& of = shards_[shard];
        if (!(std::abs(of.applied[i] + left[i] - of.counted[i]) < 2e-5))
          return fmt::format("CO-1 broken in shard {}, element {}: applied {}, left {}, of {}",
                             shard, i, of.applied[i], left[i], of.counted[i]);
      }
    }
    return {};
  }

  ops::random_sequence drawn_;
  std::uint64_t at_ = 0, lease_ = 0;
  fresh_memory memory_;
  std::optional<residual> worker_;
  std::unique_ptr<codec> codec_ = make_codec(codecs(), "topk:0.2 | int8").value();
  std::vector<model_shard> shards_;
  std::vector<std::deque<model_shard::push>> unanswered_;
  std::vector<std::size_t> delivered_; ///< how many of the unanswered, from the front
};

/// Pushes so many times residuals that are easy to tell apart.
residual pushed(const fresh_memory& memory, std::span<const std::size_t> elements,
                std::uint32_t pushes) {
  auto made = residual::open(memory.bytes(), elements).value();
  for (std::uint32_t q = 1; q <= pushes; ++q) {
    made.begin({q}, {{q}, {1}});
    for (std::uint32_t shard = 0; shard < elements.size(); ++shard)
      for (std::size_t i = 0; auto& value : made.after({shard}))
        value = std::ldexp(static_cast<float>(++i), static_cast<int>(4 * q));
    made.end({q});
  }
  return made;
}

std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

std::string error_of(const fresh_memory& memory, std::span<const std::size_t> elements) {
  const auto opened = residual::open(memory.bytes(), elements);
  return opened ? "" : opened.error().text;
}

} // namespace

TEST_CASE("CO-1: what shards took and the residual are the gradients, whatever dies when",
          "[runtime][residual]") {
  int refusals = 0, late_refusals = 0, crashes = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    model job(seed);
    CHECK(job.run(600) == "");
    refusals += job.refusals;
    late_refusals += job.late_refusals;
    crashes += job.crashes;
  }
  // The cases that matter did happen.
  CHECK(refusals > 100);
  CHECK(late_refusals > 100);
  CHECK(crashes > 100);
}

TEST_CASE("CO-1: a kill -9 in the middle of an undo loses nothing", "[runtime][residual]") {
  const std::vector<std::size_t> elements{200'000};
  const fresh_memory undisturbed(residual::bytes_for(elements));
  auto expected = pushed(undisturbed, elements, 2);
  expected.undo({0}, {1});
  for (const std::size_t progress : {0, 1, 1'000, 77'777, 199'999}) {
    const fresh_memory memory(residual::bytes_for(elements));
    auto worker = pushed(memory, elements, 2);
    const volatile float* watched = worker.before({0}).data() + progress;
    const float old = *watched;
    const auto child = fork();
    if (child == 0) {
      worker.undo({0}, {1});
      _exit(0);
    }
    REQUIRE(child > 0);
    int status = 0;
    bool has_ended = false;
    while (*watched == old && !has_ended) has_ended = waitpid(child, &status, WNOHANG) == child;
    kill(child, SIGKILL);
    if (!has_ended) REQUIRE(waitpid(child, &status, 0) == child);

    auto next = residual::open(memory.bytes(), elements).value();
    next.recover({0}, std::vector<lease_attempt_id>{{{2}, {1}}});
    CHECK(copy_of(next.before({0})) == copy_of(expected.before({0})));
  }
}

TEST_CASE("CO-1: after a restart the shard's word decides each pending push",
          "[runtime][residual]") {
  const std::vector<std::size_t> elements{3};
  const lease_attempt_id first{{1}, {1}}, second{{2}, {1}}, other{{2}, {9}};
  const auto residual_after = [&](std::vector<lease_attempt_id> taken) {
    const fresh_memory memory(residual::bytes_for(elements));
    pushed(memory, elements, 2);
    auto next = residual::open(memory.bytes(), elements).value();
    next.recover({0}, taken);
    next.recover({0}, taken); // and nothing is left to decide
    CHECK(next.newest() == push_sequence{2});
    return copy_of(next.before({0}));
  };
  CHECK(residual_after({first, second}) == std::vector<float>{256, 512, 768});
  CHECK(residual_after({first}) == std::vector<float>{16, 32, 48});
  CHECK(residual_after({first, other}) == std::vector<float>{16, 32, 48});
  CHECK(residual_after({second}) == std::vector<float>{240, 480, 720});
  CHECK(residual_after({}) == std::vector<float>{0, 0, 0});
}

TEST_CASE("CO-1: a push that was begun and not ended does not count", "[runtime][residual]") {
  const std::vector<std::size_t> elements{3};
  const fresh_memory memory(residual::bytes_for(elements));
  {
    auto worker = pushed(memory, elements, 2);
    worker.acknowledge({0}, {1});
    worker.acknowledge({0}, {2});
    worker.begin({3}, {{3}, {1}});
    std::ranges::fill(worker.after({0}), NAN);
  }
  auto next = residual::open(memory.bytes(), elements).value();
  CHECK(next.newest() == push_sequence{2});
  CHECK(copy_of(next.before({0})) == std::vector<float>{256, 512, 768});
  CHECK(next.norm({0}) == Approx(256 * std::sqrt(14.0)));
  next.begin({3}, {{3}, {2}});
}

TEST_CASE("CO-1: at most two pushes are pending, and answers come in order",
          "[runtime][residual]") {
  const fresh_memory memory(residual::bytes_for(sizes));
  auto worker = pushed(memory, sizes, 2);
  CHECK_FALSE(worker.may_begin());
  CHECK_THROWS_AS(worker.begin({3}, {}), ops::contract_error);
  CHECK_THROWS_AS(worker.acknowledge({0}, {2}), ops::contract_error);
  CHECK_THROWS_AS(worker.acknowledge({0}, {3}), ops::contract_error);
  CHECK_THROWS_AS(worker.acknowledge({2}, {1}), ops::contract_error);
  worker.acknowledge({0}, {1});
  CHECK_FALSE(worker.may_begin());
  worker.undo({1}, {1});
  CHECK(worker.may_begin());
  worker.begin({3}, {});
  CHECK_THROWS_AS(worker.undo({0}, {2}), ops::contract_error);
}

TEST_CASE("memory that is no residual of this job is refused with both named",
          "[runtime][residual]") {
  const fresh_memory memory(residual::bytes_for(sizes));
  REQUIRE(error_of(memory, sizes) == "");
  const auto with = [&](std::size_t at, std::uint32_t value) {
    std::uint32_t old = 0;
    std::memcpy(&old, memory.bytes().data() + at, 4);
    std::memcpy(memory.bytes().data() + at, &value, 4);
    const auto text = error_of(memory, sizes);
    std::memcpy(memory.bytes().data() + at, &old, 4);
    return text;
  };
  CHECK(with(0, 1) == "the residual's memory has the magic 0x6c61756400000001, expected "
                      "0x6c61756469736572");
  CHECK(with(8, 7) == "the residual's memory has format version 0x7, expected 0x1");
  CHECK(with(12, 3) == "the residual's memory has a number of shards of 0x3, expected 0x2");
  CHECK(with(16, 8) == "the residual's memory is damaged: push 8 in slot 0 while 8 is the newest");
  CHECK(with(96, 4) == "the residual's memory is damaged: shard 0 has settled push 4 of 0");
  CHECK_THAT(with(104, 4), Catch::Contains("shard 0 undoes push 4 after 0"));
  CHECK(error_of(memory, std::vector<std::size_t>{17, 299}) ==
        "the residual's memory has 300 elements for shard 1, expected 299");
  CHECK_THAT(error_of(memory, std::vector<std::size_t>{17, 30'000}),
             Catch::StartsWith("the residual's memory has 4"));
  CHECK(error_of(memory, sizes) == "");
}

} // namespace lagrange::runtime
