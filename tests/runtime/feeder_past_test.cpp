// A feeder of a later term deals what was left, and nothing twice, whatever the cut: it is derived
// from what the shards had taken. Model-based and seeded.
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <set>

namespace lagrange::tests {

using namespace runtime;
using Catch::Contains;

namespace {

constexpr std::uint32_t shards = 3, workers = 3;

feeder_options dealt_in(std::uint32_t term) {
  feeder_options made;
  made.self = stamp_of(actor_role::feeder);
  made.self.term = {term};
  made.samples = 43;
  made.batch = 4;
  made.epochs = 3;
  made.seed = 5;
  made.workers = workers;
  made.shards = shards;
  made.lives.assign(workers, incarnation{term * 10});
  made.batch_deaths = 0;
  return made;
}

/// What one shard has taken, and how often each lease went in: one that went back has none of it.
struct model_shard {
  shard_state state;
  std::map<lease_id, int> entered;
};

/// A push on its way: to which shards it has yet to come.
struct push_on_way {
  dealt_grant what;
  bool is_skipped = false;
  std::vector<std::uint32_t> to;
};

/// Some terms of one job, whose workers push in any order and are cut off anywhere.
class story {
public:
  story(std::uint32_t batches_max, std::uint64_t seed) : batches_max_(batches_max), random_(seed) {
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      shards_.emplace_back().state.shard = {shard};
      shards_.back().state.shards = shards;
    }
    begin({});
  }

  /// So many events, and then everybody is killed.
  void live(std::size_t events) {
    for (std::size_t event = 0; event < events && !twin_->is_finished(); ++event) {
      if (draw(3) == 0 && !on_way_.empty())
        deliver();
      else
        ask(static_cast<std::uint32_t>(draw(workers)));
    }
  }
  void live_to_the_end() {
    while (!twin_->is_finished()) {
      const auto before = on_way_.size();
      for (std::uint32_t worker = 0; worker < workers; ++worker) ask(worker);
      REQUIRE((on_way_.size() > before || !on_way_.empty()));
      while (!on_way_.empty()) deliver();
    }
  }
  void recover() {
    std::vector<std::shared_ptr<const shard_state>> states;
    for (auto& each : shards_) {
      each.state.clock = {clock_};
      states.push_back(std::make_shared<const shard_state>(each.state));
    }
    auto dealing = dealt_in(++term_);
    dealing.batches_max = batches_max_;
    auto past = make_past(dealing, states, batches_);
    REQUIRE(past);
    begin(std::make_shared<const feeder_past>(std::move(past).value()));
  }

  const feeder& twin() const { return *twin_; }
  std::uint64_t clock() const { return clock_; }
  dealt_grant first_grant() { return grant_to(0).value(); }

  void check_end() const {
    const auto counts = twin_->report();
    std::map<lease_id, std::uint32_t> sizes;
    for (const auto& each : shards_) {
      CHECK(each.state.taken.watermark() == lease_id{twin_->leases()});
      for (const auto& [id, times] : each.entered) CHECK(times == 1);
    }
    CHECK(counts.closed == twin_->leases());
    CHECK(counts.issued == counts.applied + counts.dropped);
    std::set<std::uint64_t> applied;
    std::uint64_t samples = 0;
    for (const auto& each : shards_)
      for (const auto& [id, times] : each.entered) applied.insert(id.value);
    for (const auto id : applied)
      samples += sample_count(dealt_in(1), {.id = {id}, .attempt = {}, .batches = size_of({id})});
    CHECK(counts.applied == applied.size());
    CHECK(counts.samples == samples);
  }

private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  std::uint32_t size_of(lease_id id) const {
    const auto found = batches_.find(id);
    return found == batches_.end() ? 1 : found->second;
  }

  void begin(std::shared_ptr<const feeder_past> past) {
    auto dealing = dealt_in(term_);
    dealing.batches_max = batches_max_;
    dealing.past = std::move(past);
    twin_.emplace(dealing);
    on_way_.clear();
    has_joined_.assign(workers, false);
    sequences_.assign(workers, 0);
  }

  std::optional<dealt_grant> grant_to(std::uint32_t worker) {
    auto from = worker_stamp(worker, term_ * 10);
    from.term = {term_};
    const auto state = has_joined_[worker] ? standing::working : standing::joining;
    auto asked = request_of(from, ++sequences_[worker], clock_, state);
    asked.batch_time = std::chrono::milliseconds(1 + worker);
    const auto effects = twin_->on_request(asked, {++ticket_});
    if (effects.grants.empty() || effects.grants[0].grant.kind != grant_kind::batch)
      return std::nullopt;
    has_joined_[worker] = true;
    return effects.grants[0];
  }

  void ask(std::uint32_t worker) {
    const auto granted = grant_to(worker);
    if (!granted) return;
    const auto& what = granted->grant.what;
    CHECK(dealt_.emplace(what.id, what.attempt.value).second); // no push of the run has that name
    push_on_way made{*granted, draw(8) == 0, {0, 1, 2}};
    std::shuffle(made.to.begin(), made.to.end(), random_);
    on_way_.push_back(std::move(made));
    clock_ = std::max(clock_, granted->grant.clock.value + 1);
  }

  void deliver() {
    const auto at = on_way_.begin() + static_cast<std::ptrdiff_t>(draw(on_way_.size()));
    const auto shard = at->to.back();
    at->to.pop_back();
    const auto& what = at->what.grant.what;
    auto& own = shards_[shard];
    if (own.state.taken.insert(what.id, what.batches)) {
      batches_[what.id] = what.batches; // as its journal tells
      if (!at->is_skipped) {
        own.state.entered.insert(what.id, what.batches);
        ++own.entered[what.id];
      }
      auto settled = settlement_of(
          shard, {{what.id, what.attempt,
                   at->is_skipped ? lease_outcome::dropped : lease_outcome::applied}});
      settled.from.term = {term_};
      twin_->on_settlement(settled, {});
    }
    if (at->to.empty()) on_way_.erase(at);
  }

  std::uint32_t batches_max_;
  std::mt19937_64 random_;
  std::uint32_t term_ = 1;
  std::vector<model_shard> shards_;
  std::optional<feeder> twin_;
  std::vector<push_on_way> on_way_;
  std::vector<bool> has_joined_;
  std::vector<std::uint64_t> sequences_;
  std::uint64_t ticket_ = 0, clock_ = 0;
  std::map<lease_id, std::uint32_t> batches_;
  std::set<std::pair<lease_id, std::uint32_t>> dealt_;
};

std::shared_ptr<shard_state> state_of(std::uint32_t shard, std::vector<std::uint64_t> taken = {}) {
  auto made = std::make_shared<shard_state>();
  made->shard = {shard};
  for (const auto id : taken) {
    made->taken.insert({id});
    made->entered.insert({id});
  }
  return made;
}

} // namespace

TEST_CASE("LE-1 SH-2: over recoveries at any moment every lease enters every shard once",
          "[runtime][feeder]") {
  for (const std::uint32_t batches_max : {1, 3})
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      INFO("seed " << seed << ", leases of up to " << batches_max);
      story told(batches_max, seed);
      std::mt19937_64 random(seed);
      for (int term = 1; term <= 3; ++term) {
        told.live(random() % 60);
        told.recover();
      }
      told.live_to_the_end();
      told.check_end();
    }
}

TEST_CASE("LE-1: what only some shards had taken is dealt again first, as a new attempt",
          "[runtime][feeder]") {
  auto options = dealt_in(2);
  options.shards = 2;
  const std::vector<std::shared_ptr<const shard_state>> states{state_of(0, {0, 1, 4}),
                                                               state_of(1, {0, 2, 4})};
  options.past = std::make_shared<const feeder_past>(make_past(options, states).value());
  feeder twin(options);
  CHECK(twin.report().issued == 5);
  CHECK(twin.report().applied == 2);
  CHECK(twin.report().closed == 2);
  for (const std::uint64_t expected : {1, 2, 3, 5}) {
    auto from = worker_stamp(0, 20);
    from.term = {2};
    const auto made = twin.on_request(request_of(from, expected, 0, standing::working), {1});
    REQUIRE(made.grants.size() == 1);
    CHECK(made.grants[0].grant.what.id.value == expected);
    CHECK(made.grants[0].grant.what.attempt.value == attempts_per_term + 1);
  }
  CHECK(twin.report().dealt_again == 3);
  CHECK(twin.report().issued == 6);
}

TEST_CASE("CL-1: workers of a later term begin at the highest clock that any shard knew",
          "[runtime][feeder]") {
  story told(1, 4);
  told.live(40);
  const auto clock = told.clock();
  REQUIRE(clock > 0);
  told.recover();
  CHECK(told.first_grant().grant.clock.value == clock);
}

TEST_CASE("under rounds a later term goes on with the round that was next", "[runtime][feeder]") {
  auto options = dealt_in(2);
  options.shards = 1;
  options.rule.round_size = 3;
  auto state = state_of(0, {0, 1, 2, 3, 4, 5});
  state->round = 2;
  state->clock = {2};
  const std::vector<std::shared_ptr<const shard_state>> states{state};
  options.past = std::make_shared<const feeder_past>(make_past(options, states).value());
  feeder twin(options);
  auto from = worker_stamp(1, 20);
  from.term = {2};
  const auto made = twin.on_request(request_of(from, 1, 0, standing::joining), {1});
  REQUIRE(made.grants.size() == 1);
  CHECK(made.grants[0].grant.clock.value == 2);
  CHECK(made.grants[0].grant.what.id.value == 6);
  CHECK(made.grants[0].grant.what.round == 2);
}

TEST_CASE("parts that are not of one cut are refused", "[runtime][feeder]") {
  auto options = dealt_in(2);
  options.shards = 2;
  const auto refusal = [&](std::shared_ptr<const shard_state> a,
                           std::shared_ptr<const shard_state> b) {
    const std::vector<std::shared_ptr<const shard_state>> states{std::move(a), std::move(b)};
    const auto made = make_past(options, states);
    return made ? std::string("accepted") : made.error().text;
  };
  CHECK(refusal(state_of(0), state_of(1)) == "accepted");
  CHECK_THAT(refusal(state_of(0), state_of(0)), Contains("shard-0 where shard-1 was expected"));
  auto other = state_of(1);
  other->cut = {4};
  CHECK_THAT(refusal(state_of(0), other), Contains("shard-1 is of cut 4"));
  CHECK_THAT(refusal(state_of(0), state_of(1, {33})), Contains("the job has only 33"));
}

} // namespace lagrange::tests
