#include "apps/storm_course.hpp"

#include "apps/left_behind.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <ctime>

namespace lagrange::apps {

using namespace runtime;

namespace {

/// Between two looks at the job, which answers as often as it is asked.
constexpr int look_period_ms = 40;
/// A job that closes no lease for so long, with nobody stopped, hangs.
constexpr std::chrono::seconds hang_after{60};
/// EN-1: so long after an order to end, all processes are gone.
constexpr std::chrono::seconds gone_patience{10};

} // namespace

storm_course::storm_course(const storm_order& order, std::vector<strike> plan, interrupts& signals)
    : order_(order), plan_(std::move(plan)), interrupts_(signals),
      job_(order.job.job_text, order.job.job.output.dir) {}

storm_end storm_course::run() {
  began_ = moved_ = steady::now();
  if (!start()) return storm_end::failed;
  for (;;)
    if (const auto end = step()) {
      ended_ = steady::now();
      if (*end == storm_end::done) log_.on_done(now());
      wake_sleepers(steady::time_point::max());
      return *end;
    }
}

std::optional<storm_end> storm_course::step() {
  pollfd stopped{interrupts_.pollable(), POLLIN, 0};
  ::poll(&stopped, 1, look_period_ms);
  if (interrupts_.first()) return interrupt();
  wake_sleepers(steady::now());
  if (const auto end = job_.end()) return on_end(*end);
  if (is_hung())
    return fail(fmt::format("the job has not gone on for {} s, at {} leases of term {}",
                            hang_after.count(), reached_, term_));
  // Who is stopped answers nothing, and waiting for it would keep the others' turn from coming.
  if (std::ranges::any_of(sleepers_, &sleeper::is_supervisor)) return std::nullopt;
  const auto seen = job_.look();
  if (!seen) return std::nullopt;
  note(*seen);
  strike_due(*seen);
  return std::nullopt;
}

std::optional<storm_end> storm_course::on_end(const process_end& end) {
  if (!is_beheaded_ || end.signal == 0) { // or it ended before the blow
    if (end.signal == 0 && end.status == 0) return storm_end::done;
    return fail(
        fmt::format("the job's {}; see {}", to_string(end), (job_.run() / "events.log").string()));
  }
  // Its nodes wait for the next one, those that are stopped among them.
  is_beheaded_ = false;
  tell("the run is resumed; its nodes are adopted as they are");
  if (!start()) return storm_end::failed;
  return std::nullopt;
}

bool storm_course::start() {
  std::vector<std::string> flags{"--quiet"};
  if (!order_.job.summary_file.empty())
    flags.insert(flags.end(), {"--summary", order_.job.summary_file});
  if (const auto started = job_.start(std::move(flags)); !started) {
    fail(started.error().text);
    return false;
  }
  return true;
}

storm_end storm_course::fail(std::string why) {
  trouble_ = std::move(why);
  tell(trouble_);
  wake_sleepers(steady::time_point::max());
  job_.kill();
  return storm_end::failed;
}

/// As a person would end it: in order, and if that takes too long at once.
storm_end storm_course::interrupt() {
  tell("ending the storm and the job; once more ends at once");
  wake_sleepers(steady::time_point::max());
  job_.interrupt();
  if (!job_.wait(gone_patience)) {
    job_.kill();
    if (job_.has_run()) sweep(job_.run());
  }
  return storm_end::interrupted;
}

void storm_course::wake_sleepers(steady::time_point until) {
  std::erase_if(sleepers_, [&](const sleeper& each) {
    if (each.until > until) return false;
    struck_job::signal(each.whom, SIGCONT);
    return true;
  });
}

bool storm_course::is_hung() const {
  return sleepers_.empty() && steady::now() - moved_ > hang_after;
}

void storm_course::note(const told_status& seen) {
  if (!first_step_ && seen.leases_closed > 0) {
    first_step_ = steady::now();
    tell(fmt::format("{} runs, {} leases to close", job_.run().string(), seen.leases));
  }
  if (seen.leases_closed != reached_) moved_ = steady::now(); // terms alone are no progress
  reached_ = seen.leases_closed;
  term_ = seen.term;
  for (const auto& line : log_.on_status(seen, now())) tell(line);
}

bool storm_course::is_due(const strike& next, const told_status& seen) const {
  if (!first_step_) return false;
  return order_.every.count() > 0 ? steady::now() - *first_step_ >= next.after
                                  : seen.share() >= next.share;
}

/// At most one for each look: what was seen is true until then. False: none was made.
bool storm_course::strike_due(const told_status& seen) {
  if (next_ >= plan_.size() || !is_due(plan_[next_], seen)) return false;
  const auto& next = plan_[next_];
  const auto name = to_string(next.whom);
  const bool is_supervisor = next.whom.role == actor_role::supervisor;
  const auto* row = seen.find(name);
  if (log_.is_open(name) || (!is_supervisor && (row == nullptr || row->state != "running")))
    return false; // until it is there
  const auto process = is_supervisor ? seen.supervisor : row->pid;
  auto held = job_.hold(process);
  if (!held) return false; // it has just died of something else
  const auto number = next.what == blow::kill ? SIGKILL : SIGSTOP;
  if (!struck_job::signal(held, number)) return false;
  log_.on_strike(next, process, seen, now());
  tell(fmt::format("strike {} of {}: {} {} (process {}) at {:.1f} %", next_ + 1, plan_.size(),
                   next.what == blow::kill ? "killed" : "stopped", name, process,
                   seen.share() * 100));
  if (next.what == blow::stop)
    sleepers_.push_back({std::move(held), steady::now() + next.stopped, is_supervisor});
  else if (is_supervisor)
    is_beheaded_ = true;
  ++next_;
  return true;
}

double storm_course::seconds() const {
  if (!first_step_) return 0;
  return std::chrono::duration<double>(ended_.value_or(steady::now()) - *first_step_).count();
}

std::chrono::milliseconds storm_course::now() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - began_);
}

void storm_course::tell(std::string_view text) const {
  if (order_.job.mode == output_mode::quiet || order_.job.mode == output_mode::json) return;
  fmt::print(stderr, "{:%H:%M:%S} {}\n", fmt::localtime(std::time(nullptr)), text);
}

} // namespace lagrange::apps
