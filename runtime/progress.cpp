#include "runtime/progress.hpp"

#include "runtime/percentile.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

namespace {

using seconds = std::chrono::duration<double>;
/// Samples per second are taken over at least this long.
constexpr std::chrono::milliseconds window_min{1000};

double accuracy(const ops::scores& found) {
  return found.samples > 0 ? static_cast<double>(found.correct) / static_cast<double>(found.samples)
                           : 0;
}

} // namespace

progress::progress(progress_options options, time_point started)
    : options_(std::move(options)), started_(started) {
  feeder_.epochs = options_.epochs;
}

void progress::on_report(const worker_report& report, time_point now) {
  auto& figures = workers_[report.from.name.index];
  if (report.from.life < figures.last.from.life ||
      (report.from.life == figures.last.from.life && report.steps < figures.last.steps))
    return;
  if (report.from.life != figures.last.from.life) {
    figures.earlier_steps += figures.last.steps;
    figures.earlier_samples += figures.last.samples;
    figures.earlier_compute += figures.last.compute;
    figures.earlier_times.merge(figures.last.step_times);
    figures.earlier_waiting += figures.last.waiting;
    figures.earlier_skipped += figures.last.skipped;
    figures.window = now;
    figures.window_samples = 0;
    figures.samples_per_second = -1;
  }
  if (report.steps > 0 && figures.lost_at && report.from.life.value > 1) {
    recoveries_ms_.push_back(seconds(now - *figures.lost_at).count() * 1000);
    figures.lost_at.reset();
  }
  if (report.loss_steps > 0) figures.loss = report.loss;
  if (report.steps > 0 && !first_step_) first_step_ = now;
  if (now - figures.window >= window_min) {
    figures.samples_per_second = static_cast<double>(report.samples - figures.window_samples) /
                                 seconds(now - figures.window).count();
    figures.window = now;
    figures.window_samples = report.samples;
  }
  figures.last = report;
}

void progress::on_report(const shard_report& report) { shards_[report.from.name.index] = report; }

void progress::on_promotion(std::chrono::nanoseconds took) {
  ++promotions_;
  recoveries_ms_.push_back(seconds(took).count() * 1000);
}

void progress::on_report(const feeder_report& report, time_point now) {
  if (report.finished && !finished_) finished_ = now;
  feeder_ = report;
}

void progress::on_evaluation(const ops::scores& found, time_point now) {
  evaluated_ = found;
  if (options_.target && !target_reached_ && accuracy(found) >= *options_.target)
    target_reached_ = now;
}

void progress::on_loss(actor_name name, time_point now) {
  if (name.role != actor_role::worker) return;
  auto& figures = workers_[name.index];
  if (!figures.lost_at) figures.lost_at = now;
  figures.samples_per_second = -1;
  ++figures.restarts;
}

void progress::on_switch(std::string policy, worker_clock first, time_point now) {
  switches_.push_back(
      {std::move(policy), first.value, feeder_.samples, seconds(now - started_).count()});
}

void progress::complete(actor_status& row) const {
  if (row.name.role == actor_role::shard) {
    const auto found = shards_.find(row.name.index);
    if (found == shards_.end()) return;
    row.clock = static_cast<std::int64_t>(found->second.version.value);
    row.staleness =
        static_cast<std::int64_t>(percentile(found->second.staleness, 0.5).value_or(-1));
    return;
  }
  const auto found = workers_.find(row.name.index);
  if (row.name.role != actor_role::worker || found == workers_.end()) return;
  row.clock = static_cast<std::int64_t>(found->second.last.clock.value);
  row.samples_per_second = found->second.samples_per_second;
  row.loss = found->second.loss;
  // What the shards saw: the workers' own reports are of different moments.
  const auto at = row.name.index;
  for (const auto& [index, shard] : shards_) {
    if (at < shard.staleness_recent.size())
      row.staleness =
          std::max(row.staleness, static_cast<std::int64_t>(shard.staleness_recent[at]));
    if (at < shard.lag_recent.size())
      row.lag = std::max(row.lag, static_cast<std::int64_t>(shard.lag_recent[at]));
  }
}

std::optional<double> progress::mean_loss() const {
  double sum = 0;
  int count = 0;
  for (const auto& [index, figures] : workers_) {
    if (figures.loss < 0 && !std::isnan(figures.loss)) continue;
    sum += figures.loss;
    ++count;
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

job_status progress::status(time_point now) const {
  job_status status;
  status.job = options_.job;
  status.policy = options_.in_force.empty() ? options_.policy : options_.in_force;
  if (!switches_.empty()) status.policy = switches_.back().to;
  status.switches = switches_.size();
  status.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  status.epoch = feeder_.epoch;
  status.epochs = options_.epochs;
  status.leases = options_.leases;
  status.leases_closed = feeder_.closed;
  for (const auto& [index, figures] : workers_)
    status.samples_per_second += std::max(0.0, figures.samples_per_second);
  status.loss = mean_loss().value_or(-1);
  if (evaluated_) status.test_accuracy = accuracy(*evaluated_);
  if (evaluated_ && evaluated_->samples > 0)
    status.test_loss = evaluated_->loss_sum / static_cast<double>(evaluated_->samples);
  status.samples = feeder_.samples;
  if (first_step_)
    status.first_step =
        std::chrono::duration_cast<std::chrono::milliseconds>(*first_step_ - started_);
  status.injected = options_.injected;
  return status;
}

std::vector<worker_share> progress::shares() const {
  std::vector<worker_share> made;
  for (const auto& [index, figures] : workers_) {
    made.push_back({worker_id{index}, figures.earlier_steps + figures.last.steps,
                    figures.earlier_samples + figures.last.samples, figures.restarts,
                    figures.earlier_compute + figures.last.compute, figures.earlier_times,
                    figures.earlier_waiting + figures.last.waiting});
    made.back().step_times.merge(figures.last.step_times);
  }
  return made;
}

std::vector<std::uint64_t> progress::staleness() const {
  std::vector<std::uint64_t> counts;
  for (const auto& [index, shard] : shards_) {
    counts.resize(std::max(counts.size(), shard.staleness.size()));
    for (std::size_t bin = 0; bin < shard.staleness.size(); ++bin)
      counts[bin] += shard.staleness[bin];
  }
  return counts;
}

summary::byte_counts progress::bytes() const {
  summary::byte_counts made;
  made.push_codec = options_.push_codec;
  made.pull_codec = options_.pull_codec;
  for (const auto& name : options_.tensors) made.tensors.push_back({name, 0, 0});
  for (const auto& [index, shard] : shards_) {
    made.pushed += shard.pushed_bytes;
    made.pulled += shard.pulled_bytes;
    made.framing += shard.framing_bytes;
    made.other += shard.other_bytes;
    for (std::size_t i = 0; i < std::min(made.tensors.size(), shard.tensor_pushed.size()); ++i)
      made.tensors[i].pushed += shard.tensor_pushed[i];
    for (std::size_t i = 0; i < std::min(made.tensors.size(), shard.tensor_pulled.size()); ++i)
      made.tensors[i].pulled += shard.tensor_pulled[i];
  }
  return made;
}

summary progress::summarise() const {
  summary made;
  made.job = options_.job;
  made.policy = options_.policy;
  made.switches = switches_;
  made.checkpoints = cuts_;
  made.workers = options_.workers;
  made.shards = options_.shards;
  made.replicas = options_.replicas;
  made.seed = options_.seed;
  made.epochs = feeder_.epoch;
  made.emulated = options_.is_emulated;
  if (first_step_ && finished_) {
    made.train_seconds = seconds(*finished_ - *first_step_).count();
    if (made.train_seconds > 0)
      made.samples_per_second = static_cast<double>(feeder_.samples) / made.train_seconds;
  }
  if (evaluated_ && evaluated_->samples > 0) {
    made.test_accuracy = accuracy(*evaluated_);
    made.test_loss = evaluated_->loss_sum / static_cast<double>(evaluated_->samples);
  }
  made.train_loss = mean_loss();
  if (target_reached_) made.time_to_target_seconds = seconds(*target_reached_ - started_).count();
  made.leases = {feeder_.issued, feeder_.applied, feeder_.dropped, feeder_.dealt_again, 0, 0};
  made.leases.set_aside = feeder_.set_aside;
  made.leases.lost = feeder_.issued - feeder_.applied - feeder_.dropped;
  std::chrono::duration<double> waiting{0};
  std::chrono::duration<double> compute{0};
  for (const auto& [index, shard] : shards_) {
    // A lease may only leave its mark once; more gradients applied than leases entered means twice.
    made.leases.duplicated += shard.applied - shard.entered;
    made.lag_max = std::max(made.lag_max, shard.lag_max);
  }
  made.bytes = bytes();
  made.injected = options_.injected;
  made.emulated |= !made.injected.empty();
  if (const auto first = shards_.find(0); first != shards_.end())
    made.updates = first->second.version.value;
  for (const auto& [index, figures] : workers_) {
    waiting += figures.earlier_waiting + figures.last.waiting;
    compute += figures.earlier_compute + figures.last.compute;
    made.skipped_steps += figures.earlier_skipped + figures.last.skipped;
    made.restarts.worker += figures.restarts;
  }
  made.restarts.shard += promotions_;
  if ((waiting + compute).count() > 0) made.wait_share = waiting / (waiting + compute);
  const auto counts = staleness();
  made.staleness = {percentile(counts, 0.5), percentile(counts, 0.99), percentile(counts, 1)};
  made.recovery_ms = {percentile_of_values(recoveries_ms_, 0.5),
                      percentile_of_values(recoveries_ms_, 0.99)};
  return made;
}

} // namespace lagrange::runtime
