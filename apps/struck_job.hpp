/// \file
/// A real job as somebody outside has it: started as a child, asked for its status through its
/// control socket, hit by signals, and started again from its folder when its supervisor is killed.
///
/// Invariant: EN-1. A signal reaches a process of this job or nobody.
#pragma once

#include "apps/process.hpp"
#include "apps/told_status.hpp"
#include "runtime/transport/descriptor.hpp"

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

class struck_job {
public:
  /// Of a job with this config, whose run goes into this folder. Errors: throws device_error.
  struck_job(const std::string& job_text, std::filesystem::path output);

  /// Starts it, or goes on with the run that was found. Errors: those of process_group::start().
  runtime::result<void> start(std::vector<std::string> flags);
  bool has_run() const { return !run_.empty(); }
  /// Empty before it was found.
  const std::filesystem::path& run() const { return run_; }

  /// What it tells of itself; nothing while it does not.
  std::optional<told_status> look();
  /// How its supervisor's process ended, once it has; start() forgets it.
  std::optional<process_end> end() const;

  pid_t supervisor() const { return supervisor_; }
  /// Of all terms, by this object's starts.
  const std::vector<pid_t>& supervisors() const { return supervisors_; }

  /// A process of the job that signals can reach, however often its number is used again; empty:
  /// it is none of this job's, or gone.
  runtime::transport::descriptor hold(pid_t process) const;
  /// False: it is gone.
  static bool signal(const runtime::transport::descriptor& whom, int number);

  /// Of an end that somebody asked for.
  bool wait(std::chrono::milliseconds patience) { return processes_.wait_for_all(patience); }
  void interrupt();
  /// As far as it goes.
  void kill() { processes_.kill_all(); }

private:
  void find_run();

  runtime::transport::descriptor config_;
  std::filesystem::path output_;
  std::vector<std::filesystem::path> before_; ///< runs that were there
  std::filesystem::path run_;
  pid_t supervisor_ = 0;
  std::vector<pid_t> supervisors_;
  mutable std::mutex mutex_; ///< guards the next
  std::vector<process_end> ends_;
  process_group processes_; ///< last: it tells of ends
};

/// Runs `lagrange` with these words to its end. Gives its exit status, 128 and more for a signal,
/// and what it said on stdout and stderr.
struct said {
  int status = -1;
  std::string text;
};
runtime::result<said> run_program(const std::vector<std::string>& words,
                                  std::chrono::milliseconds patience);

} // namespace lagrange::apps
