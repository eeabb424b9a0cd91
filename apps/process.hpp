/// \file
/// Child processes of the supervisor. A job is many processes, and none of them may outlive it: a
/// process group starts them, tells of each one's end, and leaves none behind, whether it is
/// destroyed, or the whole supervisor is killed with SIGKILL.
///
/// Invariants: EN-1. Each child ends in exactly one call of the group's callback. A signal reaches
/// the child it was meant for or nobody: never a stranger to whom the kernel gave the number again.
#pragma once

#include "runtime/error.hpp"

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace lagrange::apps {

/// How a child ended.
struct process_end {
  pid_t pid = 0;
  int status = 0;       ///< what it gave to exit(); meaningless unless `signal` is 0
  int signal = 0;       ///< the signal that killed it; 0: it left by itself
  bool is_known = true; ///< false: somebody else started it, and nobody can tell how it ended
  bool operator==(const process_end&) const = default;
};

/// As in "process 4711 was killed by signal 9 (Killed)".
std::string to_string(const process_end& end);
std::ostream& operator<<(std::ostream& out, const process_end& end);

struct process_options {
  /// What runs. By default the program that asks, so that a user's own model or policy exists in
  /// every process; that holds even when its file has been replaced meanwhile.
  std::string program = "/proc/self/exe";
  /// Becomes the child's stdin; -1: that is /dev/null. It stays the caller's.
  int input = -1;
  /// Becomes the child's stdout and stderr; -1: they are the supervisor's. It stays the caller's.
  int output = -1;
};

/// Shows `name` in `ps` and `top` as this process's name; the kernel keeps 15 characters of it.
/// Requires: called from the process's main thread.
void name_process(const std::string& name);

/// Starts children, watches them and leaves none behind. All members may be called from any thread;
/// those that wait for children to end may not be called from the callback.
///
/// A child reads /dev/null unless it is given something, gets no descriptor but stdin, stdout and
/// stderr, no blocked or ignored signal, and a process group of its own, so that a terminal's
/// Ctrl-C reaches the supervisor alone. It is killed by the kernel when the supervisor dies. The
/// kernel ties that to the thread which forked: a thread of the group's own forks, lives as long as
/// the group, and watches too.
class process_group {
public:
  /// Called once per child, from the group's thread; possibly before start() has returned the pid.
  using end_callback = std::function<void(const process_end&)>;

  /// A process that ignores SIGCHLD would never learn how its children ended; this ends that.
  /// Requires: `ended` does not throw. It may call start() and signal().
  /// Errors: throws device_error when the process is out of descriptors or threads.
  explicit process_group(end_callback ended);

  /// Does what kill_all() does. The callback may run until this returns.
  ~process_group();
  process_group(const process_group&) = delete;
  process_group& operator=(const process_group&) = delete;

  /// Starts a child with these arguments after the program's name, and returns when it runs.
  /// Errors: bad_file (the program cannot be run), job_failed (the machine has no process,
  /// descriptor or memory left), interrupted (the group has been closed by kill_all()).
  /// Cost: a fork and an exec, about 1 ms.
  runtime::result<pid_t> start(const std::vector<std::string>& arguments,
                               const process_options& options = {});

  /// Watches a process that somebody else has started, and counts it among the children from then
  /// on. `is_it` says whether it is still the one that is meant, once its number cannot be given to
  /// another. False: it is gone, or is not.
  bool adopt(pid_t pid, const std::function<bool()>& is_it);

  /// Forgets all children, which go on without the group: they follow somebody else.
  void release();

  /// Sends a signal to a child. False when no child of that number lives.
  bool signal(pid_t pid, int number);

  /// The children whose end has not been told yet, in the order of their numbers.
  std::vector<pid_t> living() const;

  /// Waits until every child's end has been told. False when some still live after `patience`.
  bool wait_for_all(std::chrono::milliseconds patience);

  /// Closes the group, so that nothing starts any more, kills every child and waits for their ends.
  /// False when some are still there after `patience`: the kernel holds them, in a disk's driver or
  /// a GPU's, and ends them when it can.
  bool kill_all(std::chrono::milliseconds patience = std::chrono::seconds(5));

private:
  class watcher;
  std::unique_ptr<watcher> watcher_;
};

} // namespace lagrange::apps
