/// \file
/// A run's folder: everything that a job leaves behind, under one name that no other run has.
///
///   job.toml          the resolved config, that of the last term
///   term-N            supervisor N has taken the run (made with O_EXCL: one supervisor a term),
///                     with the config that it ran with
///   command-N         who commands the run: apps/run_command.hpp
///   nodes.log         every node that was started: term, name, incarnation, process
///   metrics.jsonl     the job's status, once a second, one JSON object a line
///   events.log        what happened, one line each
///   parameters.ckpt   the trained parameters
///   journal/          shard-N.lgj: what shard N did, for `lagrange replay` and `lagrange audit`;
///                     of terms after the first in term-N/
///   checkpoints/      cut-N/: a consistent state of the whole job, for a term to go on from
///   summary.json      the end in numbers; once a run goes on, summary.before.json
///   control           while the job runs, a socket: `lagrange ctl` gives orders through it
///   join.address      while the job runs, where nodes may join it
///   join.token        while the job runs, what admits them; for the owner's eyes alone
///   anew.log          lives of workers that began with nothing unsent, as of nodes that joined
///   workers.json      what each worker did with its time
///
/// A supervisor holds the lock of its command as long as it lives, however it ends.
#pragma once

#include "apps/run_command.hpp"
#include "runtime/error.hpp"
#include "runtime/ids.hpp"
#include "runtime/transport/descriptor.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace lagrange::apps {

class run_folder {
public:
  /// Makes `dir`/`job`-TIME, and `dir` first if it is missing.
  /// Errors: bad_file, naming the folder and why it cannot be made.
  static runtime::result<run_folder> create(const std::filesystem::path& dir,
                                            const std::string& job);
  /// One that is there. Errors: bad_argument, when it is none of a run, or a supervisor that lives
  /// has it. One that says nothing for `silence` when it is asked does not: it may wake, but
  /// commands no more. Cost: as much time, where one has the run.
  static runtime::result<run_folder> open(const std::filesystem::path& path,
                                          std::chrono::milliseconds silence);

  const std::filesystem::path& path() const { return path_; }
  const run_command& command() const { return *command_; }

  /// Takes the next term: atomic, so that of two supervisors one gets it. `job_text` is the config
  /// that it runs with.
  runtime::result<runtime::supervisor_term> take_term(std::string_view job_text);

  /// Makes a folder in it. Errors: bad_file.
  runtime::result<void> make(std::string_view name) const;
  /// Writes a whole file at once. Errors: bad_file.
  runtime::result<void> write(std::string_view name, std::string_view content) const;
  /// Adds a line to a file. Errors: bad_file, for instance when the disk is full.
  runtime::result<void> append(std::string_view name, std::string_view line) const;

private:
  explicit run_folder(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
  std::optional<run_command> command_;
};

/// Where the cuts of a run lie.
inline std::filesystem::path checkpoints_of(const std::filesystem::path& run) {
  return run / "checkpoints";
}

// What reads a run that somebody names.
/// Errors: bad_argument, unless it is a folder with a config: that of a run.
runtime::result<void> check_run_folder(const std::filesystem::path& folder);
/// A file of it, as text. Errors: bad_file, also if it is larger than that.
runtime::result<std::string> read_run_file(const std::filesystem::path& path,
                                           std::size_t bytes_max = std::size_t{1} << 20);

} // namespace lagrange::apps
