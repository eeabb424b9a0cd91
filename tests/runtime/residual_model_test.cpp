// The residual of a worker with two shards that take, refuse and repeat, and with everything that
// may go wrong between two steps, by seed.
#include "ops/random.hpp"
#include "runtime/codec/codec.hpp"
#include "runtime/residual.hpp"
#include "tests/support/fresh_memory.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <map>
#include <optional>

namespace lagrange::runtime {

namespace {

using tests::fresh_memory;

const std::vector<std::size_t> sizes{17, 300};

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

} // namespace lagrange::runtime
