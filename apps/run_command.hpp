/// \file
/// Who commands a run. Every supervisor takes the next file `command-N` in the run's folder, whole
/// and locked at once, and holds the lock as long as it lives. The highest number counts: whoever
/// has a lower one commands no more, whether it knows that or not.
///
///   pid 4711             the supervisor's process
///   at 127.0.0.1 40123   where nodes that another supervisor has left find this one
///   over                 nobody is to follow it
///
/// Invariant: one command at a time is obeyed (that of two supervisors one is fenced).
#pragma once

#include "runtime/adoption.hpp"
#include "runtime/error.hpp"
#include "runtime/supervisor_relay.hpp"
#include "runtime/transport/descriptor.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string_view>

namespace lagrange::apps {

/// A command file as somebody else reads it.
struct seen_command {
  runtime::command_sighting what;
  pid_t supervisor = 0;
};
/// The highest command of the run from this one on; 0: there is none yet.
seen_command look_for_command(const std::filesystem::path& run, runtime::command_number from = {});

class run_command {
public:
  /// Takes the next one. Errors: bad_argument, when somebody alive has the highest, or has just
  /// taken it; bad_file.
  static runtime::result<run_command> take(const std::filesystem::path& run);
  /// The same, although somebody alive has it, who then has no more.
  static runtime::result<run_command> replace(const std::filesystem::path& run);

  runtime::command_number number() const { return number_; }
  /// Says where nodes that are left find this supervisor. Errors: bad_file.
  runtime::result<void> announce(const std::string& host, std::uint16_t port) const;
  /// Says that nobody is to follow it: what is left of its nodes ends at once.
  void lay_down() const;
  /// Whether somebody has taken a higher one. Cost: a system call.
  bool is_replaced() const;

private:
  run_command(std::filesystem::path run, runtime::command_number number,
              runtime::transport::descriptor file)
      : run_(std::move(run)), number_(number), file_(std::move(file)) {}
  static runtime::result<run_command> take_after(const std::filesystem::path& run,
                                                 runtime::command_number last);

  std::filesystem::path run_;
  runtime::command_number number_;
  runtime::transport::descriptor file_;
};

} // namespace lagrange::apps
