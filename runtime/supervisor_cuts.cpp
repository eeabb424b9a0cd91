// When a job's state is kept, and how a job that is stopped keeps its last.
#include "runtime/supervisor.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

/// Every actor is up, or the cut would miss parts; and no policy is being switched, or its order
/// would have to be part of it.
void supervisor::go_on_cutting(time_point now, supervisor_effects& out) {
  if (phase_ != job_phase::running) return;
  if (stop_by_ && (now >= *stop_by_ || !cuts_.is_enabled()))
    return end(job_outcome::interrupted, {}, now, out);
  if (switch_.is_idle() && adoption_.may_cut()) out.cut = cuts_.on_tick(options_.self, now);
}

supervisor_effects supervisor::on_part(const part_report& part, time_point now) {
  supervisor_effects out;
  if (part.from.job != options_.self.job || part.from.term != options_.self.term) return out;
  out.whole = cuts_.on_part(part, now);
  if (out.whole)
    for (const auto& [name, where] : places_) out.whole->lives.push_back({name, where.life});
  if (auto failure = cuts_.take_failure(); !failure.empty()) {
    out.events.push_back(std::move(failure));
    if (stop_by_) end(job_outcome::interrupted, {}, now, out);
  }
  return out;
}

supervisor_effects supervisor::on_kept(cut_number cut, const std::string& failure, time_point now) {
  supervisor_effects out;
  if (failure.empty())
    progress_.on_cut();
  else
    out.events.push_back(
        fmt::format("checkpoint {} could not be kept: {}; the job goes on", cut.value, failure));
  if (stop_by_) end(job_outcome::interrupted, {}, now, out);
  return out;
}

supervisor_effects supervisor::on_stop(time_point now) {
  supervisor_effects out;
  if (phase_ != job_phase::running || !cuts_.is_enabled()) {
    end(job_outcome::interrupted, {}, now, out);
  } else if (!stop_by_) {
    stop_by_ = now + options_.end_deadline;
    cuts_.ask(now);
    go_on_cutting(now, out);
  }
  return out;
}

} // namespace lagrange::runtime
