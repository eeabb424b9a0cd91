/// \file
/// A whole job of twins: shards, a feeder and workers that exchange messages over faulty links in
/// virtual time, with deaths, restarts and late views, all drawn from one seed. No actor, no
/// thread.
#pragma once

#include "tests/support/builders.hpp"
#include "tests/support/job_watch.hpp"
#include "tests/support/virtual_time.hpp"

#include <cstddef>

namespace lagrange::tests {

class twin_job {
public:
  using maker = std::function<std::unique_ptr<runtime::staleness_policy>()>;

  twin_job(const maker& make, std::uint64_t seed)
      : time_(seed), policy_(make()), facts_(draw_facts()), watch_(facts_) {
    const auto workers = static_cast<std::uint32_t>(time_.draw(1, 5));
    deaths_ = time_.draw(0, 4);
    link_ = {std::chrono::milliseconds(time_.draw(1, 40)), time_.draw(0, 2) * 8,
             time_.draw(0, 2) * 10};
    build_feeder(workers);
    build_shards(make, workers);
    for (std::uint32_t index = 0; index < workers; ++index) {
      members_.push_back(live(index, 1));
      speeds_.emplace_back(time_.draw(500, 30'000));
      after(time_.between({}, link_.delay_max * 20), [this, index] { start_worker(index, 1); });
    }
    keep_telling();
  }

  /// Runs until every lease is closed and a while longer, for what is still under way then; or
  /// until an invariant is broken.
  const std::optional<violation>& run() {
    while (!watch_.found() && !is_over() && time_.step()) {
      watch_.expect(time_.now() - moved_ < patience, "EN-1", "nothing moves any more");
      if (deaths_ > 0 && time_.chance(1) && time_.chance(50)) kill_one();
    }
    if (watch_.found()) return watch_.found();
    watch_.on_finish(feeder_->report(), feeder_->leases());
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard)
      watch_.on_last_parameters(shard, shards_[shard]->on_snapshot());
    return watch_.found();
  }

  std::uint64_t steps() const { return time_.steps(); }

private:
  using life = job_watch::life;
  struct running_worker {
    explicit running_worker(runtime::worker_options options) : twin(options) {}
    runtime::worker twin;
    bool is_declared_dead = false;
  };
  /// Longer than every delay, retry, detection and restart in a row.
  static constexpr std::chrono::seconds patience{120};
  static constexpr std::chrono::milliseconds beat{25};

  job_watch::facts draw_facts() {
    return {static_cast<std::uint32_t>(time_.draw(1, 3)), policy_->bound(), policy_->arrivals(),
            time_.draw(1, 40), static_cast<std::uint32_t>(time_.draw(1, 3))};
  }

  void build_feeder(std::uint32_t workers) {
    runtime::feeder_options made;
    made.self = stamp_of(runtime::actor_role::feeder);
    made.samples = facts_.samples;
    made.epochs = facts_.epochs;
    made.batch = static_cast<std::uint32_t>(time_.draw(1, 4));
    made.seed = time_.draw(0, 1000);
    made.workers = workers;
    made.shards = facts_.shards;
    if (facts_.arrivals == runtime::arrival::round) made.round_size = workers;
    feeder_.emplace(made);
  }

  void build_shards(const maker& make, std::uint32_t workers) {
    for (std::uint32_t index = 0; index < facts_.shards; ++index) {
      auto made = shard_of("asp", workers, 1 + index * 3);
      made.id = {index};
      made.self = stamp_of(runtime::actor_role::shard, index);
      made.policy = make();
      shards_.push_back(std::make_unique<runtime::shard>(std::move(made)));
    }
  }

  void after(std::chrono::microseconds delay, virtual_time::event what) {
    time_.after(delay, std::move(what));
  }
  bool is_over() const {
    return feeder_->is_finished() && time_.now() - moved_ > std::chrono::milliseconds(500);
  }

  // ---- workers
  // -------------------------------------------------------------------------------------

  void start_worker(std::uint32_t index, std::uint32_t life_number) {
    runtime::worker_options made;
    made.self = worker_stamp(index, life_number);
    made.shards = facts_.shards;
    made.frame_elements_max = 2;
    made.retry_after = std::chrono::milliseconds(80);
    if (facts_.bound.value_or(1) >= 1 && time_.chance(70))
      made.ahead = runtime::lookahead::one_step;
    const life who{index, {life_number}};
    workers_[who] = std::make_unique<running_worker>(made);
    carry_out(who, workers_[who]->twin.start(time_.now()));
    beat_worker(who);
  }

  void beat_worker(const life& who) {
    after(beat, [this, who] {
      if (!workers_.contains(who)) return;
      carry_out(who, workers_[who]->twin.on_tick(time_.now()));
      beat_worker(who);
    });
  }

  /// Delivers `what` to the worker, if it still runs by then.
  template <class Call>
  void to_worker(const life& who, Call what) {
    time_.send(link_, [this, who, what] {
      if (const auto found = workers_.find(who); found != workers_.end())
        carry_out(who, what(found->second->twin));
    });
  }

  void carry_out(const life& who, const runtime::worker_effects& effects) {
    if (effects.compute) compute(who, effects.compute);
    if (effects.request)
      time_.send(link_, [this, request = *effects.request] {
        carry_out(feeder_->on_request(request, draw_ticket(request.from)));
      });
    for (const auto& [to, request] : effects.pulls)
      time_.send(link_, [this, to = to.value, request] {
        carry_out(to, shards_[to]->on_pull(request, draw_ticket(request.from), time_.now()));
      });
    for (const auto& [to, frame] : effects.pushes)
      time_.send(link_, [this, to = to.value, frame] {
        carry_out(to, shards_[to]->on_push(frame, draw_ticket(frame->from), time_.now()));
      });
  }

  void compute(const life& who, const std::shared_ptr<const runtime::step_task>& task) {
    if (!workers_[who]->is_declared_dead) watch_.on_step(who, *task);
    const auto mean = speeds_[who.first];
    after(time_.between(mean / 2, mean * 2), [this, who, task] {
      const auto found = workers_.find(who);
      if (found == workers_.end()) return;
      runtime::step_result result;
      result.what = task->what.id;
      result.samples = static_cast<std::uint32_t>(task->grant->samples.labels.elements());
      if (is_skipped(result.what))
        result.verdict = runtime::push_verdict::skip;
      else
        for (const auto& held : task->parameters)
          result.gradients.push_back(tensor_of(std::vector<float>(
              held->parameters.values<float>().size(), gradient_of(result.what))));
      carry_out(who, found->second->twin.on_computed(std::move(result), time_.now()));
    });
  }

  // ---- feeder and shards
  // ---------------------------------------------------------------------------

  runtime::ticket draw_ticket(const runtime::stamp& from) {
    asked_.emplace_back(from.name.index, from.life);
    return {asked_.size() - 1};
  }

  void carry_out(runtime::feeder_effects effects) {
    for (auto& [to, grant, samples] : effects.grants) {
      if (grant.kind == runtime::grant_kind::batch) {
        if (grant.sequence != repeated_[asked_[to.value]]) watch_.on_deal(grant.what, samples);
        repeated_[asked_[to.value]] = grant.sequence;
        grant.samples.labels =
            ops::tensor(ops::dtype::i32, {static_cast<std::int64_t>(samples.size())});
      }
      const auto reply = std::make_shared<runtime::lease_grant>(grant);
      to_worker(asked_[to.value], [reply, now = &time_](runtime::worker& twin) {
        return twin.on_grant(reply, now->now());
      });
    }
    check_refused(effects.refused);
  }

  void carry_out(std::uint32_t shard, runtime::shard_effects effects) {
    for (const auto& entry : effects.entries)
      if (entry.kind == runtime::journal_kind::applied ||
          entry.kind == runtime::journal_kind::dropped)
        moved_ = time_.now();
    watch_.on_entries(shard, effects.entries);
    for (auto& [to, what] : effects.pulls)
      to_worker(asked_[to.value],
                [this, shard,
                 reply = std::make_shared<runtime::pull_reply>(what)](runtime::worker& twin) {
                  return twin.on_parameters({shard}, reply, time_.now());
                });
    for (const auto& [to, ack] : effects.pushes)
      to_worker(asked_[to.value], [this, shard, ack = ack](runtime::worker& twin) {
        return twin.on_ack({shard}, ack, time_.now());
      });
    check_refused(effects.refused);
  }

  /// A shell takes "fenced" and "bad frame" for a death sentence: no live worker may get one.
  void check_refused(const std::vector<runtime::answer<runtime::error>>& refused) {
    for (const auto& [to, why] : refused) {
      const auto found = workers_.find(asked_[to.value]);
      watch_.expect(why.code == runtime::errc::timed_out || found == workers_.end() ||
                        found->second->is_declared_dead,
                    "EN-1", "a live worker was refused: " + why.text);
    }
  }

  /// What shells repeat until it is acknowledged: settlements and views.
  void keep_telling() {
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
      const auto told = shards_[shard]->next_settlement();
      if (!told.leases.empty())
        time_.send(link_, [this, shard, told] {
          carry_out(feeder_->on_settlement(told));
          time_.send(link_, [this, shard, told] {
            shards_[shard]->on_settlement_ack({feeder_->self(), told.sequence});
          });
        });
      if (shards_[shard]->view().value < view_) tell_shard(shard);
    }
    if (feeder_->view().value < view_) tell_feeder();
    after(beat, [this] { keep_telling(); });
  }
  void tell_shard(std::uint32_t shard) {
    time_.send(link_, [this, shard, view = view_of(view_, members_)] {
      carry_out(shard, shards_[shard]->on_view(view, time_.now()));
    });
  }
  void tell_feeder() {
    time_.send(link_,
               [this, view = view_of(view_, members_)] { carry_out(feeder_->on_view(view)); });
  }

  // ---- deaths
  // --------------------------------------------------------------------------------------

  /// Kills a worker, or cuts it off so that it is declared dead while it still speaks.
  void kill_one() {
    const auto index = static_cast<std::uint32_t>(time_.draw(0, members_.size() - 1));
    const life who{index, members_[index].life};
    if (!workers_.contains(who) || !doomed_.insert(who).second) return;
    --deaths_;
    if (time_.chance(60)) end(who);
    after(time_.between({}, std::chrono::milliseconds(150)), [this, who] { // until it is noticed
      if (workers_.contains(who)) workers_[who]->is_declared_dead = true;
      members_[who.first].live = false;
      watch_.on_end(who);
      change_view();
      after(time_.between({}, std::chrono::milliseconds(300)), [this, who] { end(who); });
      after(time_.between({}, std::chrono::milliseconds(400)), [this, who] { restart(who); });
    });
  }
  void end(const life& who) {
    workers_.erase(who);
    watch_.on_end(who);
  }
  /// Some never come back, as long as somebody else is there.
  void restart(const life& who) {
    const bool is_needed =
        std::none_of(members_.begin(), members_.end(), [](const auto& each) { return each.live; });
    if (!is_needed && time_.chance(25)) return;
    const auto next = who.second.next();
    start_worker(who.first, next.value);
    after(time_.between({}, std::chrono::milliseconds(60)), [this, who, next] {
      if (members_[who.first].life < next) members_[who.first] = live(who.first, next.value);
      change_view();
    });
  }
  void change_view() {
    ++view_;
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) tell_shard(shard);
    tell_feeder();
  }

  virtual_time time_;
  std::unique_ptr<runtime::staleness_policy> policy_;
  job_watch::facts facts_;
  job_watch watch_;
  link_faults link_;
  std::uint64_t deaths_ = 0;
  std::optional<runtime::feeder> feeder_;
  std::vector<std::unique_ptr<runtime::shard>> shards_;
  std::map<life, std::unique_ptr<running_worker>> workers_;
  std::vector<std::chrono::microseconds> speeds_; ///< of one step, by worker
  std::vector<runtime::member> members_;
  std::set<life> doomed_; ///< killed or cut off, noticed or not
  std::uint64_t view_ = 1;
  std::vector<life> asked_;                ///< by ticket: who waits for the answer
  std::map<life, std::uint64_t> repeated_; ///< sequence of the last batch granted
  runtime::time_point moved_{};
};

} // namespace lagrange::tests
