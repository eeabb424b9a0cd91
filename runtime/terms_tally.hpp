/// \file
/// The figures of a run over its terms. What the shards hold and what the feeder derives from them
/// is of the whole run anyway; what each term's supervisor counted for itself is added up here.
#pragma once

#include "runtime/control.hpp"

#include <chrono>
#include <vector>

namespace lagrange::runtime {

class terms_tally {
public:
  /// What an earlier program's summary of the same run says.
  void take_up(const summary& earlier);
  /// A term is over, and the job goes on in another. `trained` is from its first step to its end.
  void add(const job_result& ended, std::chrono::milliseconds trained);
  /// Everybody is back, so long after a death.
  void on_recovery(std::chrono::milliseconds took);
  /// Adds what was before to the result of the last term, which began so long after the first.
  void complete(job_result& last, std::chrono::milliseconds began) const;

private:
  void add_counts(const summary& ended);

  summary earlier_; ///< the sums alone
  double trained_seconds_ = 0;
  std::vector<double> recoveries_ms_;
  std::vector<worker_share> workers_;
};

} // namespace lagrange::runtime
