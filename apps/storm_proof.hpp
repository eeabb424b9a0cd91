/// \file
/// What must be true of a job that went through a storm, each claim in plain words and whether it
/// holds. It is proven by what anybody can look at: the run's folder, the verbs, the process table.
#pragma once

#include "runtime/catalog.hpp"
#include "runtime/job.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::apps {

struct claim {
  bool holds = false;
  std::string text;
};

struct proof_request {
  std::filesystem::path run;
  const runtime::job& job;
  const runtime::catalog& rows;
  std::vector<pid_t> supervisors; ///< of all its terms
  bool replays = true;            ///< recompute the run as well, which takes about as long
};

/// The job ended; nothing was lost or applied twice; the parameters are the exact count; they
/// replay; nothing is left behind. Claims that cannot be made of this job are left out.
std::vector<claim> prove(const proof_request& of);

/// Why the parameters of this job do not tell how many updates there were; empty: they do.
std::string no_count_because(const runtime::job& x);

} // namespace lagrange::apps
