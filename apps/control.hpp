/// \file
/// The verb `ctl`: an order to a job that runs.
#pragma once

#include <string>

namespace lagrange {

struct control_request {
  std::string run;   ///< its folder
  std::string order; ///< as the job reads it: "policy ssp:8"
};

/// Gives the order, waits until it is carried out, and says so. Returns the exit status: 0 done, 1
/// the job ended before, 2 refused.
int control_job(const control_request& request);

} // namespace lagrange
