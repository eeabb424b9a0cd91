/// \file
/// The verb `ps`: which jobs run, and which process hosts whom.
#pragma once

#include <string>
#include <vector>

namespace lagrange {

struct ps_order {
  std::vector<std::string> runs; ///< folders of runs; empty: all in `dir`
  std::string dir = "runs";      ///< where run folders go
  bool is_json = false;
};

/// Lists the jobs that run. Returns the exit status: 0 done, 1 a job did not answer, 2 one that was
/// named does not run.
int list_jobs(const ps_order& order);

} // namespace lagrange
