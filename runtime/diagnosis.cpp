#include "runtime/diagnosis.hpp"

#include "runtime/percentile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

namespace {

/// Windows of a job: early enough to end it in time, and each long enough to tell trend from noise.
constexpr std::uint64_t windows_of_job = 40;
/// Of a short job of many workers: enough to see a rise, though not one worker's mean step.
constexpr std::uint64_t windows_of_job_min = 12;
/// A window of fewer steps is noise, one of more would come late in a job of many days.
constexpr std::uint64_t window_steps_min = 50, window_steps_max = 2000;
/// Of each worker in a window, so that its mean step is one.
constexpr std::uint64_t worker_steps_min = 8;
/// With fewer means the spread of a window's losses is not known.
constexpr std::uint64_t reports_min = 4, reports_max = 64;

/// f16 begins with a loss scale of 2^16, which may be halved so often, and tries a larger one every
/// 2000 steps: that is how it finds its scale.
constexpr std::uint64_t scale_halvings = 16, scale_growth_steps = 2000;
/// One may be a batch that is bad; nobody sees three by chance.
constexpr std::uint64_t skipped_min = 3;
/// So many skipped steps, nearly all of one worker, are no chance even between two workers.
constexpr std::uint64_t skipped_of_one_min = 8;
constexpr double share_of_one = 0.9;
/// With all steps skipped the parameters are not finite: no single batch does that.
constexpr double share_of_all = 0.9;
/// More of a window than this are not a few bad batches.
constexpr double share_of_batches = 0.05;

/// A job that learns has less than so much of the loss of a constant answer a fifth of the way; or
/// of its first loss halfway, where that answer's loss is not known.
constexpr double standing_share = 0.99;
constexpr std::size_t windows_to_move = 8, windows_to_fall = 20;
/// A loss that was so far from where it stands has been moved, so the steps are not too small.
constexpr double moved = 1.2;

/// The mean of fewer steps may be chance.
constexpr std::uint64_t measured_steps_min = 3;
/// At twice the others' step they wait half their time; below a policy is hardly worth changing.
constexpr double slow_factor = 2, wait_share_min = 0.25;

/// Much worse, for all findings; and no finding is said more often.
constexpr double much_worse = 4;
constexpr std::uint32_t times_max = 3;
/// Severity of what ends all learning: nothing is worse.
constexpr double fatal = 1e300;

using seconds = std::chrono::duration<double>;

std::uint64_t window_steps_of(const learning_settings& job) {
  const auto each = worker_steps_min * job.workers;
  const auto wanted = std::max(each, std::min(window_steps_max, job.leases / windows_of_job));
  return std::max(window_steps_min, std::min(wanted, job.leases / windows_of_job_min));
}

double median(std::vector<double> values) { return *percentile_of_values(std::move(values), 0.5); }

} // namespace

diagnosis::diagnosis(learning_settings job)
    : job_(std::move(job)), window_steps_(window_steps_of(job_)), course_(job_.warmup_samples) {}

// ---- what comes in ------------------------------------------------------------------------------

std::vector<std::string> diagnosis::on_report(const worker_report& report) {
  auto& own = workers_[report.from.name.index];
  if (report.from.life != own.last.from.life) own.last = {};
  const auto counted = [&](const worker_report& x) {
    const auto allowed =
        job_.precision == "f16" ? scale_halvings + x.steps / scale_growth_steps : 0;
    return x.skipped > allowed ? x.skipped - allowed : 0;
  };
  const auto before = counted(own.last), after = counted(report);
  const auto skipped = after > before ? after - before : 0;
  const auto steps = report.steps - std::min(report.steps, own.last.steps);
  if (skipped_ == 0 && skipped > 0) skipped_since_ = samples_;
  samples_ += report.samples - std::min(report.samples, own.last.samples);
  skipped_ += skipped;
  own.skipped += skipped;
  own.steps += steps;
  own.compute += seconds(report.compute - own.last.compute).count();
  own.waiting += seconds(report.waiting - own.last.waiting).count();
  own.last = report;
  open_.steps += steps;
  open_.skipped += skipped;
  ++open_.reports;
  if (report.loss_steps > 0 && std::isfinite(report.loss))
    open_.loss.add(report.loss, report.loss_steps);
  if (is_full()) close();
  std::vector<std::string> said(given_.begin() + static_cast<std::ptrdiff_t>(taken_), given_.end());
  taken_ = given_.size();
  return said;
}

void diagnosis::on_report(const shard_report& report) {
  staleness_[report.from.name.index] = report.staleness;
}

/// Before a shard has told how old gradients are, no cause can be named.
bool diagnosis::is_full() const {
  return !staleness_.empty() && open_.steps >= window_steps_ &&
         open_.reports >= std::clamp<std::uint64_t>(job_.workers, reports_min, reports_max);
}

void diagnosis::on_switch(const std::string& spec, const staleness_policy& policy) {
  job_.policy = spec;
  job_.bound = policy.bound();
  job_.has_rounds = policy.arrivals() == arrival::round;
}

void diagnosis::close() {
  open_.loss.samples = samples_;
  find_skipping();
  if (!open_.loss.is_empty()) {
    course_.add(open_.loss);
    find_rise();
    find_standstill();
  }
  find_waiting();
  open_ = {};
  for (auto& [index, own] : workers_) own.steps = 0, own.compute = 0, own.waiting = 0;
  staleness_before_.clear();
  for (const auto& [index, counts] : staleness_) {
    staleness_before_.resize(std::max(staleness_before_.size(), counts.size()));
    for (std::size_t bin = 0; bin < counts.size(); ++bin) staleness_before_[bin] += counts[bin];
  }
}

/// Of this window; of the whole job where no shard has told anything since it began.
staleness_figures diagnosis::staleness() const {
  std::vector<std::uint64_t> all, recent;
  for (const auto& [index, counts] : staleness_) {
    all.resize(std::max(all.size(), counts.size()));
    for (std::size_t bin = 0; bin < counts.size(); ++bin) all[bin] += counts[bin];
  }
  recent = all;
  for (std::size_t bin = 0; bin < std::min(recent.size(), staleness_before_.size()); ++bin)
    recent[bin] -= std::min(recent[bin], staleness_before_[bin]);
  const auto& of = percentile(recent, 0.5) ? recent : all;
  return {percentile(of, 0.5).value_or(0), percentile(of, 0.99).value_or(0)};
}

void diagnosis::say(finding what, double severity, const std::string& text) {
  auto& before = told_[static_cast<std::size_t>(what)];
  if (before.times >= times_max || severity < much_worse * before.severity) return;
  before = {severity, before.times + 1};
  given_.push_back(text);
}

// ---- numbers that are not finite ----------------------------------------------------------------

void diagnosis::find_skipping() {
  if (skipped_ < skipped_min || open_.skipped == 0) return;
  const auto most = std::ranges::max_element(
      workers_, {}, [](const auto& entry) { return entry.second.skipped; });
  const auto count = most->second.skipped;
  const auto share = static_cast<double>(open_.skipped) / static_cast<double>(open_.steps);
  const auto begin = fmt::format("{} steps since about {} samples are skipped, because the loss or "
                                 "a gradient was not finite",
                                 skipped_, skipped_since_);
  if (share >= share_of_all)
    return say(finding::skipping, fatal,
               fmt::format("{}, and now nearly all on every worker: the parameters themselves are "
                           "not finite any more, and the job cannot recover. Start it again. {}",
                           begin, to_try(against_overflow(job_))));
  const auto severity = static_cast<double>(skipped_);
  const auto name = to_string(most->second.last.from.name);
  if (workers_.size() > 1 && count >= skipped_of_one_min &&
      static_cast<double>(count) >= share_of_one * severity)
    return say(finding::skipping, severity,
               fmt::format("{}, {} of them by {} alone. Leases go to all workers, so the cause is "
                           "rather its device or its memory than the data or the rate: try the "
                           "job without that machine or device.",
                           begin, count, name));
  const auto found = staleness();
  auto remedies = against_overflow(job_);
  if (is_stale(found) && !job_.has_rounds)
    remedies.insert(remedies.begin(), against_staleness(job_, found).front());
  const auto cause =
      share < share_of_batches ? ": perhaps batches that are bad, which come back once an epoch, "
                                 "whoever gets them, or steps that are too large"
      : is_stale(found)        ? ": " + stale_cause(found)
                               : ": so many are no bad batches, but steps that are too large";
  say(finding::skipping, severity,
      fmt::format("{}, most by {} ({}){}. {}", begin, name, count, cause, to_try(remedies)));
}

// ---- the loss -----------------------------------------------------------------------------------

/// A rate that acts like twice itself explains steps that are too large.
bool diagnosis::is_stale(staleness_figures found) const {
  return job_.is_local ? found.p50 >= 1 : effective_rate(job_, found.p50) >= 2 * job_.rate;
}

std::string diagnosis::stale_cause(staleness_figures found) const {
  auto text = fmt::format("gradients are {:g} updates old at the median and {:g} at p99", found.p50,
                          found.p99);
  if (!job_.is_local)
    text += fmt::format(", so the rate of {:g} acts like {:.2g}", job_.rate,
                        effective_rate(job_, found.p50));
  if (const auto slow = slowest())
    text +=
        fmt::format("; the oldest are those of worker-{}, whose steps take {:.1f} times as long "
                    "as the others'",
                    slow->worker, slow->factor);
  return text;
}

void diagnosis::find_rise() {
  const auto best = course_.risen_from();
  if (!best) return;
  const auto& now = course_.last();
  const auto found = staleness();
  const auto cause = is_stale(found)
                         ? stale_cause(found)
                         : fmt::format("gradients are hardly stale ({:g} updates at p99), so the "
                                       "rate of {:g} is too high for this job",
                                       found.p99, job_.rate);
  say(finding::rising, now.mean() / best->mean(),
      fmt::format("the training loss has risen to {:.4g} at {} samples, from {:.4g} at {}: {}. {}",
                  now.mean(), now.samples, best->mean(), best->samples, cause,
                  to_try(is_stale(found) ? against_staleness(job_, found)
                                         : against_large_steps(job_, 0.25))));
}

void diagnosis::find_standstill() {
  const bool has_constant = job_.classes > 1;
  if (course_.judged() < (has_constant ? windows_to_move : windows_to_fall)) return;
  const auto constant =
      has_constant ? std::log(static_cast<double>(job_.classes)) : course_.begun();
  if (!course_.stands_at(standing_share * constant)) return;
  const auto now = course_.last();
  const bool was_moved = moved * course_.least() < constant || course_.most() > moved * constant;
  const auto found = staleness();
  const bool was_stale = was_moved && is_stale(found);
  auto remedies = against_large_steps(job_, 0.1);
  if (was_stale && !job_.has_rounds)
    remedies.insert(remedies.begin(), against_staleness(job_, found).front());
  const auto yardstick = has_constant
                             ? fmt::format("a constant answer has a loss of about {:.4g}", constant)
                             : fmt::format("it began with {:.4g}", constant);
  const auto cause =
      was_stale   ? stale_cause(found)
      : was_moved ? fmt::format("the rate of {:g} is too high for this job", job_.rate)
                  : fmt::format("the rate of {:g} is too low or far too high, or the samples do "
                                "not say what their labels are",
                                job_.rate);
  say(finding::standing, fatal,
      fmt::format("the training loss stands at {:.4g} after {} samples, where {}: {}. {}",
                  now.mean(), now.samples, yardstick, cause,
                  to_try(was_moved ? remedies : against_small_steps(job_))));
}

// ---- one slow worker ----------------------------------------------------------------------------

std::optional<diagnosis::slow_worker> diagnosis::slowest() const {
  std::vector<double> others;
  slow_worker found;
  double longest = 0, compute = 0, waiting = 0;
  for (const auto& [index, own] : workers_) {
    if (own.steps < measured_steps_min) continue;
    const auto mean = own.compute / static_cast<double>(own.steps);
    others.push_back(mean);
    compute += own.compute;
    waiting += own.waiting;
    if (mean > longest) longest = mean, found.worker = index;
  }
  if (others.size() < 2) return std::nullopt;
  others.erase(std::ranges::find(others, longest));
  found.step_seconds = median(std::move(others));
  if (found.step_seconds <= 0) return std::nullopt;
  found.factor = longest / found.step_seconds;
  const auto& own = workers_.at(found.worker);
  compute -= own.compute;
  waiting -= own.waiting;
  found.wait_share = waiting / std::max(waiting + compute, 1e-9);
  return found.factor >= slow_factor ? std::optional(found) : std::nullopt;
}

void diagnosis::find_waiting() {
  const auto now = slowest();
  const auto before = std::exchange(slow_, now);
  if (!now || !before || now->worker != before->worker || job_.policy == "asp") return;
  if (std::min(now->wait_share, before->wait_share) < wait_share_min) return;
  say(finding::waiting, now->factor,
      fmt::format("a step of worker-{} takes {:.1f} times as long as the others', which under {} "
                  "wait {:.0f} % of their time. {}",
                  now->worker, now->factor, job_.policy, now->wait_share * 100,
                  to_try(against_waiting(job_, now->step_seconds))));
}

} // namespace lagrange::runtime
