/// \file
/// A whole job of twins: workers that come late, compute at their own speed, die, are cut off and
/// come back, around the services of twin_services.hpp. Everything is drawn from one seed. No
/// actor, no thread.
#pragma once

#include "runtime/conformance/twin_services.hpp"

#include <set>

namespace lagrange::runtime {

class twin_job {
public:
  twin_job(const twin_services::maker& make, std::uint64_t seed)
      : job_(make, seed, workers_max), deaths_(job_.time.draw(0, 4)) {
    job_.to_workers = {
        [this](const life& who, const twin_services::message& what) { deliver(who, what); },
        [this](const life& who) {
          return workers_.contains(who) && !declared_dead_.contains(who);
        }};
    for (std::uint32_t index = 0; index < job_.workers; ++index) {
      speeds_.emplace_back(job_.time.draw(500, 30'000));
      job_.time.after(job_.time.between({}, job_.link.delay_max * 20), [this, index] {
        start({index, {1}});
      });
    }
  }

  /// Runs until every lease is closed and a while longer, or until an invariant is broken.
  const std::optional<violation>& run() {
    auto& watch = job_.watch;
    while (!watch.found() && !job_.is_over() && job_.time.step()) {
      watch.expect(job_.time.now() - job_.moved() < patience, "EN-1", "nothing moves any more");
      if (deaths_ > 0 && job_.time.draw(0, 199) == 0) kill_one();
    }
    if (!watch.found()) job_.audit();
    return watch.found();
  }

  std::uint64_t steps() const { return job_.time.steps(); }

private:
  using life = job_watch::life;
  static constexpr std::uint32_t workers_max = 5;
  /// Longer than every delay, retry, detection and restart in a row.
  static constexpr std::chrono::seconds patience{120};

  void start(const life& who) {
    worker_options made;
    made.self = worker_stamp(who.first, who.second.value);
    made.shards = job_.facts.shards;
    made.retry_after = std::chrono::milliseconds(80);
    if (job_.facts.bound.value_or(1) >= 1 && job_.time.chance(70)) made.ahead = lookahead::one_step;
    auto& twin = *(workers_[who] = std::make_unique<worker>(made));
    carry_out(who, twin.start(job_.time.now()));
    beat(who);
  }
  void beat(const life& who) {
    job_.time.after(std::chrono::milliseconds(25), [this, who] {
      if (!workers_.contains(who)) return;
      carry_out(who, workers_[who]->on_tick(job_.time.now()));
      beat(who);
    });
  }

  /// What arrives after its worker's end is lost.
  void deliver(const life& who, const twin_services::message& what) {
    job_.time.send(job_.link, [this, who, what] {
      if (const auto found = workers_.find(who); found != workers_.end())
        carry_out(who, what(*found->second));
    });
  }

  void carry_out(const life& who, const worker_effects& effects) {
    if (effects.compute) compute(who, effects.compute);
    if (effects.request) job_.send(*effects.request);
    for (const auto& [to, request] : effects.pulls) job_.send(to.value, request);
    for (const auto& [to, frame] : effects.pushes) job_.send(to.value, frame);
  }

  void compute(const life& who, const std::shared_ptr<const step_task>& task) {
    if (!declared_dead_.contains(who)) job_.watch.on_step(who, *task);
    const auto mean = speeds_[who.first];
    const auto took = job_.time.between(mean / 2, mean * 2);
    if (job_.facts.has_poison && is_poisoned(task->what.id))
      return job_.time.after(took, [this, who] { kill(who, true); });
    const auto result = std::make_shared<const step_result>(result_of(*task));
    for (std::uint32_t shard = 0; shard < result->parts.size(); ++shard)
      tell_early(who, *task, {shard}, result->parts[shard], took);
    job_.time.after(took, [this, who, result] {
      if (const auto found = workers_.find(who); found != workers_.end())
        carry_out(who, found->second->on_computed(*result, job_.time.now()));
    });
  }
  /// Some parts of a gradient are ready before the rest.
  void tell_early(const life& who, const step_task& task, shard_id shard,
                  const std::vector<gradient_part>& parts, std::chrono::microseconds took) {
    for (std::uint32_t frame = 0; frame + 1 < parts.size(); ++frame) {
      if (job_.time.chance(50)) continue;
      const early_part ready{{task.what.id, task.what.attempt},
                             shard,
                             frame,
                             static_cast<std::uint32_t>(parts.size()),
                             parts[frame]};
      job_.time.after(job_.time.between({}, took), [this, who, ready] {
        if (const auto found = workers_.find(who); found != workers_.end())
          carry_out(who, found->second->on_part(ready, job_.time.now()));
      });
    }
  }
  static step_result result_of(const step_task& task) {
    step_result made;
    made.what = task.what.id;
    made.samples = static_cast<std::uint32_t>(task.grant->samples.labels.elements());
    if (is_skipped(made.what)) {
      made.verdict = push_verdict::skip;
      return made;
    }
    for (const auto& held : task.parameters)
      made.parts.push_back(
          parts_of(tensor_of(std::vector<float>(held->parameters.values<float>().size(),
                                                gradient_of(made.what))),
                   2));
    return made;
  }

  /// Kills a worker, or cuts it off so that it is declared dead while it still speaks.
  void kill_one() {
    const auto index = static_cast<std::uint32_t>(job_.time.draw(0, job_.workers - 1));
    const life who{index, job_.members[index].life};
    if (!workers_.contains(who) || doomed_.contains(who)) return;
    --deaths_;
    kill(who, job_.time.chance(60));
  }
  void kill(const life& who, bool is_at_once) {
    if (!workers_.contains(who) || !doomed_.insert(who).second) return;
    if (is_at_once) end(who);
    job_.time.after(within(150), [this, who] { // until it is noticed
      declared_dead_.insert(who);
      job_.members[who.first].live = false;
      job_.watch.on_end(who);
      job_.change_view();
      job_.time.after(within(300), [this, who] { end(who); });
      job_.time.after(within(400), [this, who] { restart(who); });
    });
  }
  void end(const life& who) {
    workers_.erase(who);
    job_.watch.on_end(who);
  }
  /// Some never come back, as long as somebody else is there.
  void restart(const life& dead) {
    const bool is_needed = std::ranges::none_of(job_.members, &member::live);
    if (!is_needed && job_.time.chance(25)) return;
    const life who{dead.first, dead.second.next()};
    start(who);
    job_.time.after(within(60), [this, who] {
      job_.members[who.first] = live(who.first, who.second.value);
      job_.change_view();
    });
  }
  std::chrono::microseconds within(std::int64_t milliseconds) {
    return job_.time.between({}, std::chrono::milliseconds(milliseconds));
  }

  twin_services job_;
  std::uint64_t deaths_;
  std::map<life, std::unique_ptr<worker>> workers_; ///< whose processes run
  std::set<life> doomed_;                           ///< killed or cut off, noticed or not
  std::set<life> declared_dead_;                    ///< and all views from then on say so
  std::vector<std::chrono::microseconds> speeds_;   ///< of one step, by worker
};

} // namespace lagrange::runtime
