#include "runtime/terms_tally.hpp"

#include "runtime/percentile.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

using seconds = std::chrono::duration<double>;

void add_bytes(summary::byte_counts& to, const summary::byte_counts& from) {
  to.pushed += from.pushed;
  to.pulled += from.pulled;
  to.framing += from.framing;
  to.other += from.other;
  to.tensors.resize(std::max(to.tensors.size(), from.tensors.size()));
  for (std::size_t i = 0; i < from.tensors.size(); ++i) {
    to.tensors[i].name = from.tensors[i].name;
    to.tensors[i].pushed += from.tensors[i].pushed;
    to.tensors[i].pulled += from.tensors[i].pulled;
  }
}

void add_shares(std::vector<worker_share>& to, const std::vector<worker_share>& from) {
  for (const auto& each : from) {
    const auto same = std::ranges::find(to, each.worker, &worker_share::worker);
    if (same == to.end()) {
      to.push_back(each);
      continue;
    }
    same->steps += each.steps;
    same->samples += each.samples;
    same->restarts += each.restarts;
    same->compute += each.compute;
    same->step_times.merge(each.step_times);
    same->waiting += each.waiting;
  }
  std::ranges::sort(to, {}, &worker_share::worker);
}

} // namespace

void terms_tally::add_counts(const summary& ended) {
  earlier_.leases.dealt_again += ended.leases.dealt_again;
  earlier_.skipped_steps += ended.skipped_steps;
  earlier_.checkpoints += ended.checkpoints;
  earlier_.restarts.worker += ended.restarts.worker;
  earlier_.restarts.shard += ended.restarts.shard;
  earlier_.restarts.feeder += ended.restarts.feeder;
  earlier_.lag_max = std::max(earlier_.lag_max, ended.lag_max);
  add_bytes(earlier_.bytes, ended.bytes);
  earlier_.switches.insert(earlier_.switches.end(), ended.switches.begin(), ended.switches.end());
}

void terms_tally::take_up(const summary& earlier) {
  add_counts(earlier);
  trained_seconds_ += earlier.train_seconds;
}

void terms_tally::add(const job_result& ended, std::chrono::milliseconds trained) {
  add_counts(ended.figures);
  trained_seconds_ += seconds(trained).count();
  recoveries_ms_.insert(recoveries_ms_.end(), ended.recoveries_ms.begin(),
                        ended.recoveries_ms.end());
  add_shares(workers_, ended.workers);
  if (ended.fall && ended.fall->who.role == actor_role::shard) ++earlier_.restarts.shard;
  if (ended.fall && ended.fall->who.role == actor_role::feeder) ++earlier_.restarts.feeder;
}

void terms_tally::on_recovery(std::chrono::milliseconds took) {
  recoveries_ms_.push_back(static_cast<double>(took.count()));
}

void terms_tally::complete(job_result& last, std::chrono::milliseconds began) const {
  auto& made = last.figures;
  const auto samples = made.samples_per_second.value_or(0) * made.train_seconds;
  made.leases.dealt_again += earlier_.leases.dealt_again;
  made.skipped_steps += earlier_.skipped_steps;
  made.checkpoints += earlier_.checkpoints;
  made.restarts.worker += earlier_.restarts.worker;
  made.restarts.shard += earlier_.restarts.shard;
  made.restarts.feeder += earlier_.restarts.feeder;
  made.lag_max = std::max(made.lag_max, earlier_.lag_max);
  add_bytes(made.bytes, earlier_.bytes);
  made.switches.insert(made.switches.begin(), earlier_.switches.begin(), earlier_.switches.end());
  made.train_seconds += trained_seconds_;
  if (samples > 0) made.samples_per_second = samples / made.train_seconds;
  if (made.time_to_target_seconds) *made.time_to_target_seconds += seconds(began).count();
  auto recoveries = recoveries_ms_;
  recoveries.insert(recoveries.end(), last.recoveries_ms.begin(), last.recoveries_ms.end());
  made.recovery_ms = {percentile_of_values(recoveries, 0.5),
                      percentile_of_values(recoveries, 0.99)};
  add_shares(last.workers, workers_);
}

} // namespace lagrange::runtime
