/// \file
/// The side of a job that workers talk to: a feeder and its shards as twins, on faulty links in
/// virtual time. It repeats what shells repeat (settlements and views until they are acknowledged)
/// and reports everything to the watch.
#pragma once

#include "runtime/conformance/job_watch.hpp"
#include "runtime/conformance/twin_parts.hpp"
#include "runtime/conformance/virtual_time.hpp"

namespace lagrange::runtime {

class twin_services {
public:
  using maker = std::function<std::unique_ptr<staleness_policy>()>;
  using life = job_watch::life;
  using message = std::function<worker_effects(worker&)>;
  /// How answers get back, and whether a life may still expect one.
  struct workers_side {
    std::function<void(const life&, const message&)> deliver;
    std::function<bool(const life&)> is_live;
  };

  twin_services(const maker& make, std::uint64_t seed, std::uint32_t workers_max)
      : time{seed}, facts(draw_facts(*make())),
        watch(facts), link{std::chrono::milliseconds(time.draw(1, 40)), time.draw(0, 2) * 8,
                           time.draw(0, 2) * 10},
        workers(static_cast<std::uint32_t>(time.draw(1, workers_max))), feeder_(draw_feeder(make)) {
    for (std::uint32_t index = 0; index < workers; ++index) members.push_back(live(index, 1));
    for (std::uint32_t index = 0; index < facts.shards; ++index) {
      shard_options made;
      made.id = {index};
      made.self = stamp_of(actor_role::shard, index);
      made.workers = workers;
      made.policy = make();
      made.parameters.values.assign(1 + index * 3, 0.0F);
      made.parameters.optimizer = std::make_unique<counting_optimizer>();
      shards_.push_back(std::make_unique<class shard>(std::move(made)));
    }
    keep_telling();
  }
  twin_services(const twin_services&) = delete;
  twin_services& operator=(const twin_services&) = delete;

  virtual_time time;
  const job_watch::facts facts;
  job_watch watch;
  const link_faults link;
  const std::uint32_t workers;
  std::vector<member> members; ///< of the supervisor's newest view
  workers_side to_workers;

  /// Long enough after the last update for whatever is still under way.
  bool is_over() const {
    return feeder_.is_finished() && time.now() - moved_ > std::chrono::milliseconds(500);
  }
  /// When a lease was last entered into a shard.
  time_point moved() const { return moved_; }

  void send(const lease_request& request) {
    time.send(link, [this, request] {
      carry_out(feeder_.on_request(request, draw_ticket(request.from), time.now()));
    });
  }
  void send(std::uint32_t shard, const pull_request& request) {
    time.send(link, [this, shard, request] {
      carry_out(shard, shards_[shard]->on_pull(request, draw_ticket(request.from), time.now()));
    });
  }
  void send(std::uint32_t shard, const std::shared_ptr<const gradient_push>& frame) {
    time.send(link, [this, shard, frame] {
      carry_out(shard, shards_[shard]->on_push(frame, draw_ticket(frame->from), time.now()));
    });
  }

  /// Tells everyone that `members` has changed.
  void change_view() {
    ++view_;
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) tell_shard(shard);
    tell_feeder();
  }

  /// Recounts the whole job.
  void audit() {
    watch.on_finish(feeder_.report(), feeder_.leases());
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard)
      watch.on_last_parameters(shard, shards_[shard]->on_snapshot({}).value());
  }

private:
  job_watch::facts draw_facts(const staleness_policy& policy) {
    return {static_cast<std::uint32_t>(time.draw(1, 3)),
            policy.bound(),
            policy.arrivals(),
            time.draw(1, 40),
            static_cast<std::uint32_t>(time.draw(1, 3)),
            policy.quorum().has_value(),
            time.chance(30)};
  }
  feeder_options draw_feeder(const maker& make) {
    feeder_options made;
    made.self = stamp_of(actor_role::feeder);
    made.samples = facts.samples;
    made.epochs = facts.epochs;
    made.batch = static_cast<std::uint32_t>(time.draw(1, 4));
    made.seed = time.draw(0, 1000);
    made.workers = workers;
    made.shards = facts.shards;
    if (facts.arrivals == arrival::round) made.rule.round_size = workers;
    made.rule.quorum = make()->quorum();
    made.rule.deals_overdue = !facts.bound;
    made.batch_deaths = facts.batch_deaths;
    return made;
  }

  ticket draw_ticket(const stamp& from) {
    asked_.emplace_back(from.name.index, from.life);
    return {asked_.size() - 1};
  }
  const life& owner_of(ticket to) const { return asked_[to.value]; }

  void carry_out(feeder_effects effects) {
    for (auto& [to, grant, samples] : effects.grants) {
      const auto& who = owner_of(to);
      if (grant.kind == grant_kind::batch || grant.kind == grant_kind::discard) {
        // An answer that is repeated because it got lost deals nothing.
        if (std::exchange(answered_[who], grant.sequence) != grant.sequence)
          watch.on_deal(grant.what, samples);
        if (!samples.empty())
          grant.samples.labels =
              ops::tensor(ops::dtype::i32, {static_cast<std::int64_t>(samples.size())});
      }
      to_workers.deliver(who, [this, reply = std::make_shared<lease_grant>(grant)](worker& twin) {
        return twin.on_grant(reply, time.now());
      });
    }
    for (const auto& [to, closing] : effects.closings)
      time.send(link, [this, to = to, closing = closing] {
        carry_out(to.value, shards_[to.value]->on_closing(closing, time.now()));
      });
    if (effects.wake_after)
      time.after(std::chrono::ceil<std::chrono::microseconds>(*effects.wake_after),
                 [this] { carry_out(feeder_.on_wake(time.now())); });
    check_refused(effects.refused);
  }

  void carry_out(std::uint32_t shard, const shard_effects& effects) {
    for (const auto& entry : effects.entries)
      if (entry.kind == journal_kind::applied || entry.kind == journal_kind::dropped ||
          entry.kind == journal_kind::excluded || entry.kind == journal_kind::set_aside)
        moved_ = time.now();
    watch.on_entries(shard, effects.entries);
    for (const auto& [to, what] : effects.pulls)
      to_workers.deliver(owner_of(to),
                         [this, shard, reply = std::make_shared<pull_reply>(what)](worker& twin) {
                           return twin.on_parameters({shard}, reply, time.now());
                         });
    for (const auto& [to, ack] : effects.pushes)
      to_workers.deliver(owner_of(to), [this, shard, ack = ack](worker& twin) {
        return twin.on_ack({shard}, ack, time.now());
      });
    check_refused(effects.refused);
  }

  /// A shell takes "fenced" and "bad frame" for a death sentence: no live worker may get one.
  void check_refused(const std::vector<answer<error>>& refused) {
    for (const auto& [to, why] : refused)
      watch.expect(why.code == errc::timed_out || !to_workers.is_live(owner_of(to)), "EN-1",
                   "a live worker was refused: " + why.text);
  }

  void keep_telling() {
    for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
      settle(shard);
      ask(shard);
      if (shards_[shard]->view().value < view_) tell_shard(shard);
    }
    if (feeder_.view().value < view_) tell_feeder();
    carry_out(feeder_.on_tick(time.now()));
    time.after(std::chrono::milliseconds(25), [this] { keep_telling(); });
  }
  void settle(std::uint32_t shard) {
    const auto told = shards_[shard]->next_settlement();
    if (told.leases.empty()) return;
    time.send(link, [this, shard, told] {
      carry_out(feeder_.on_settlement(told, time.now()));
      time.send(link, [this, shard, told] {
        shards_[shard]->on_settlement_ack({feeder_.self(), told.sequence});
      });
    });
  }
  void ask(std::uint32_t shard) {
    if (const auto asked = shards_[shard]->wanted_closing())
      time.send(link, [this, asked] { carry_out(feeder_.on_round_request(*asked)); });
  }
  void tell_shard(std::uint32_t shard) {
    time.send(link, [this, shard, view = view_of(view_, members)] {
      carry_out(shard, shards_[shard]->on_view(view, time.now()));
    });
  }
  void tell_feeder() {
    time.send(link, [this, view = view_of(view_, members)] {
      carry_out(feeder_.on_view(view, time.now()));
    });
  }

  feeder feeder_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::uint64_t view_ = 1;
  std::vector<life> asked_;                ///< by ticket: who waits for the answer
  std::map<life, std::uint64_t> answered_; ///< sequence of the last batch granted
  time_point moved_{};
};

} // namespace lagrange::runtime
