/// \file
/// The verb `run`: what the command line asks for, and the function that does it.
#pragma once

#include "runtime/catalog.hpp"
#include "runtime/job.hpp"
#include "runtime/transport/greeting.hpp"

#include <cstdint>
#include <string>

namespace lagrange {

/// How a job tells what it is doing.
enum class output_mode : std::uint8_t {
  live,  ///< a table redrawn in place; plain where stderr is no terminal
  plain, ///< a line now and then
  json,  ///< one JSON object a line on stdout
  quiet, ///< errors alone
};

/// Where the actors of a job live.
enum class hosting : std::uint8_t {
  processes,  ///< each worker and each shard is a process of its own
  in_process, ///< all in this one, on its thread pool
};

struct run_options {
  runtime::job job;
  std::string job_text;      ///< to_toml(job): what the node processes and the run's folder get
  runtime::data_facts facts; ///< of the job's data, already checked against the job
  hosting where = hosting::processes;
  output_mode mode = output_mode::live;
  std::string resume;                    ///< folder of a run to go on with; empty: a new one
  std::string policy;                    ///< that such a run is switched to; empty: it keeps its
  std::string summary_file;              ///< empty: only the one in the run's folder
  runtime::transport::security security; ///< read_security(job), as the nodes get it
  const runtime::catalog* catalog = nullptr;
};

/// Runs a job to its end. Returns the exit status: 0 done, 1 failed, 2 refused before it started,
/// 130 interrupted.
int run_job(const run_options& options);

} // namespace lagrange
