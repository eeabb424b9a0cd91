/// \file
/// What `run` and `simulate` share: the options that say which job, and how it is told of.
#pragma once

#include "apps/command_words.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lagrange {

/// What the flags said.
struct job_flags {
  std::string file;
  std::vector<std::string> set;
  std::vector<std::string> values; ///< of flags that are short for a key, in their table's order
  std::vector<std::vector<std::string>> lists; ///< likewise of those that may be repeated
  std::string resume; ///< folder of a run to go on with, instead of a file; of `run` alone
  std::string summary_file;
  bool prints_config = false, is_plain = false, is_json = false, is_quiet = false;
};

/// Adds the options, and below them every key with its default and its range. Requires: flags that
/// outlive the parsing.
void add_job_options(CLI::App& app, job_flags& flags, const runtime::catalog& rows);

/// The job of the parsed flags, with what is told of it. Instead, the exit status of a verb that
/// has no more to do.
std::optional<int> read_job(const CLI::App& app, const job_flags& flags, const invocation& call,
                            run_options& out);

/// What the machine says about the job: its data, whose facts are kept, and where results go. A
/// line for every reason against it.
std::string find_obstacles(run_options& options);

} // namespace lagrange
