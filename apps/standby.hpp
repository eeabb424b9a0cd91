/// \file
/// The verb `standby`: waits beside a running job, and takes it over when its supervisor dies.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace lagrange {

struct standby_order {
  std::string run; ///< folder of the run
  /// Of its config: a supervisor that says nothing for so long has been stopped, or hangs.
  std::chrono::milliseconds silence{0};
  std::function<int()> take_over; ///< lagrange run --resume RUN; its exit status
};

/// Returns the exit status: that of the job once it was taken over; 0 when it has ended without, 2
/// when there is no job to wait for, 130 when it was interrupted, which leaves the job alone.
int stand_by(const standby_order& order);

} // namespace lagrange
