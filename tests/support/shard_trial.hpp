/// \file
/// A shard under workers by seed, which is captured and restored while they work: from then on both
/// get the same messages, and must say the same.
#pragma once

#include "runtime/staleness/outer.hpp"
#include "tests/support/builders.hpp"
#include "tests/support/shard_states.hpp"

#include <functional>
#include <random>

namespace lagrange::tests {

/// What a trial's shard is made of.
struct trial_kind {
  static constexpr std::uint32_t workers = 3;
  static constexpr std::size_t elements = 40;
  static constexpr std::int64_t rows = 9, width = 2; ///< of the table

  std::string policy = "asp";
  const ops::optimizer_row* optimizer = &ops::optimizers().front();
  ops::optimizer_options rates{.rate = 0.1F, .momentum = 0.9F};
  std::string outer{}; ///< instead of the optimizer
  bool has_table = false;
  std::string codec{}, pull_codec{};
  std::string compensation = "none", schedule = "constant", weight = "none";

  static std::unique_ptr<runtime::codec> codec_of(const std::string& text) {
    return text.empty() ? nullptr : runtime::make_codec(runtime::codecs(), text).value();
  }
  runtime::shard_options shard() const {
    using namespace runtime;
    auto made = shard_of(policy, workers, elements);
    made.find_policy = [](std::string_view spec) { return make_policy(policies(), spec); };
    made.hash_every = 4;
    auto& x = made.parameters;
    for (std::size_t i = 0; i < elements; ++i) x.values[i] = 0.01F * static_cast<float>(i);
    x.optimizer = outer.empty() ? optimizer->make(elements, rates)
                                : make_outer(outers(), outer).value().make_optimizer(elements);
    x.rate = {make_schedule(schedules(), schedule, 20).value(), 8};
    if (weight != "none") x.weight = make_weight(weights(), weight).value();
    x.compensation = make_compensation(compensations(), compensation, elements).value();
    x.push_codec = codec_of(codec);
    x.pull_codec = codec_of(pull_codec);
    x.sends_changed_blocks = true;
    if (!has_table) return made;
    constexpr std::size_t size = rows * width;
    x.tables.push_back(
        {{1, rows, width}, std::vector<float>(size, 0.5F), optimizer->make(size, rates)});
    return made;
  }
};

/// Requires the same answers, bit for bit.
inline void check_same(const runtime::shard_effects& x, const runtime::shard_effects& y) {
  CHECK(x.entries == y.entries);
  REQUIRE(x.pulls.size() == y.pulls.size());
  for (std::size_t i = 0; i < x.pulls.size(); ++i) {
    const auto &p = x.pulls[i].what, &q = y.pulls[i].what;
    CHECK(x.pulls[i].to == y.pulls[i].to);
    CHECK(p.version == q.version);
    CHECK(p.changed == q.changed);
    CHECK(p.taken == q.taken);
    CHECK(p.samples == q.samples);
    CHECK(p.how == q.how);
    CHECK(is_same_bits(p.parameters, q.parameters));
    CHECK(is_same_bits(p.rows, q.rows));
  }
  REQUIRE(x.pushes.size() == y.pushes.size());
  for (std::size_t i = 0; i < x.pushes.size(); ++i) {
    CHECK(x.pushes[i].what.outcome == y.pushes[i].what.outcome);
    CHECK(x.pushes[i].what.version == y.pushes[i].what.version);
  }
  REQUIRE(x.refused.size() == y.refused.size());
  for (std::size_t i = 0; i < x.refused.size(); ++i) CHECK(x.refused[i].what == y.refused[i].what);
}

class shard_trial {
public:
  shard_trial(trial_kind kind, std::uint32_t seed)
      : kind_(std::move(kind)), draw_(seed), first_(kind_.shard()),
        codec_(trial_kind::codec_of(kind_.codec)) {
    for (std::uint32_t i = 0; i < trial_kind::workers; ++i) workers_[i].index = i;
    note_policy(kind_.policy);
  }

  /// So many steps of the workers, in any order; under rounds, so many rounds.
  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (has_rounds_)
        run_round();
      else if (auto& worker = workers_[draw_() % workers_.size()]; !worker.has_read)
        pull(worker);
      else
        push(worker, next_lease_++, 0);
    }
  }
  void switch_to(const std::string& policy) {
    std::uint64_t first = 0;
    for (const auto& each : workers_) first = std::max(first, each.clock + 2);
    runtime::shard_effects out;
    first_.twin.on_switch({stamp_of(runtime::actor_role::supervisor),
                           1,
                           runtime::switch_phase::commit,
                           policy,
                           {first}},
                          {}, out);
    note_policy(policy);
    for (auto& each : workers_) each = {each.index, each.life, first};
  }
  std::shared_ptr<const runtime::shard_state> capture() { return first_.twin.capture({5}); }
  /// Another shard goes on from the state. All workers die, and come back.
  void restore(std::shared_ptr<const runtime::shard_state> state) {
    auto options = kind_.shard();
    options.restored = state;
    second_.emplace(std::move(options));
    second_->next = first_.next;
    std::vector<runtime::member> members;
    for (auto& each : workers_) {
      each = {each.index, each.life + 1, state->clock.value};
      members.push_back(live(each.index, each.life));
    }
    // The one that was captured says to pulls of the dead that they are fenced.
    ++view_;
    first_.view(view_of(view_, members));
    second_->view(view_of(view_, members));
  }
  runtime::shard& first() { return first_.twin; }
  runtime::shard& second() { return second_->twin; }

private:
  struct working {
    std::uint32_t index = 0, life = 1;
    std::uint64_t clock = 0;
    std::optional<runtime::ticket> asked{};
    runtime::shard_version read{};
    bool has_read = false;
  };

  void note_policy(const std::string& policy) {
    has_rounds_ = policy_of(policy)->arrivals() == runtime::arrival::round;
  }
  void both(const std::function<runtime::shard_effects(shard_probe&)>& what) {
    const auto effects = what(first_);
    if (second_) check_same(effects, what(*second_));
    for (const auto& [to, reply] : effects.pulls)
      for (auto& each : workers_)
        if (each.asked == to) each.has_read = true, each.read = reply.version;
  }
  runtime::table_rows drawn_rows() {
    runtime::table_rows made;
    if (!kind_.has_table) return made;
    std::vector<std::int32_t> own;
    for (std::int32_t row = 0; row < trial_kind::rows; ++row)
      if (draw_() % 3 == 0) own.push_back(row);
    made.counts = {static_cast<std::uint32_t>(own.size())};
    made.rows = ops::tensor(ops::dtype::i32, {std::ssize(own)});
    std::ranges::copy(own, made.rows.values<std::int32_t>().begin());
    return made;
  }
  ops::tensor drawn(std::size_t count) {
    std::vector<float> values(count);
    for (auto& x : values) x = std::uniform_real_distribution<float>(-1, 1)(draw_);
    return tensor_of(values);
  }

  void pull(working& worker) {
    auto what = pull_of(worker_stamp(worker.index, worker.life), worker.clock);
    what.rows = drawn_rows();
    worker.asked = std::max(first_.next, second_ ? second_->next : runtime::ticket{});
    both([&](shard_probe& shard) { return shard.pull(what); });
  }
  runtime::gradient_push drawn_push(const working& worker, std::uint64_t lease,
                                    std::uint32_t round_size) {
    auto made = push_of(worker_stamp(worker.index, worker.life), worker.clock, lease);
    made.what.attempt = {worker.life};
    made.what.round = round_size > 0 ? worker.clock : 0;
    made.what.round_size = round_size;
    made.read = worker.read;
    made.samples = 1 + draw_() % 4;
    made.clip_scale = draw_() % 2 == 0 ? 1.0F : 0.25F;
    if (draw_() % 8 == 0) {
      made.verdict = runtime::push_verdict::skip;
      made.gradient = {};
      return made;
    }
    made.gradient = drawn(trial_kind::elements);
    if (codec_) code(made);
    made.rows = drawn_rows();
    if (!made.rows.empty()) made.row_gradient = drawn(made.rows.size() * trial_kind::width);
    return made;
  }
  void code(runtime::gradient_push& made) {
    const auto most = codec_->bytes_max(trial_kind::elements);
    ops::tensor room(ops::dtype::u8, {static_cast<std::int64_t>(most)});
    const auto bytes = codec_->encode(made.gradient.values<float>(), draw_(),
                                      std::as_writable_bytes(room.values<std::uint8_t>()));
    made.gradient = room.slice(0, static_cast<std::int64_t>(bytes));
    made.how = {codec_->name(), trial_kind::elements};
  }
  void push(working& worker, std::uint64_t lease, std::uint32_t round_size) {
    const auto what = drawn_push(worker, lease, round_size);
    const auto times = draw_() % 8 == 0 ? 2 : 1;
    for (int i = 0; i < times; ++i) both([&](shard_probe& shard) { return shard.push(what); });
    worker = {worker.index, worker.life, worker.clock + 1};
  }
  void run_round() {
    for (auto& each : workers_) pull(each);
    const auto first = next_lease_;
    const auto turn = draw_() % workers_.size();
    next_lease_ += workers_.size();
    for (std::size_t i = 0; i < workers_.size(); ++i)
      push(workers_[(i + turn) % workers_.size()], first + i, trial_kind::workers);
  }

  trial_kind kind_;
  std::mt19937 draw_;
  shard_probe first_;
  std::optional<shard_probe> second_;
  std::unique_ptr<runtime::codec> codec_;
  std::array<working, trial_kind::workers> workers_{};
  bool has_rounds_ = false;
  std::uint64_t next_lease_ = 0;
  std::uint64_t view_ = 1;
};

} // namespace lagrange::tests
