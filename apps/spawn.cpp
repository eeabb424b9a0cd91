#include "apps/spawn.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace lagrange::apps {

using runtime::errc;
using runtime::failure;

namespace {

// Everything the child needs, made before the fork: after it, in a process of many threads, only
// async-signal-safe calls are sound.
struct child_plan {
  const char* program;
  char* const* arguments;
  int input;
  int output;
  int report; // errno goes here when exec fails; a successful exec closes it
  pid_t supervisor;
};

void close_the_rest_on_exec() {
  constexpr unsigned first = 3;
#ifdef SYS_close_range
  constexpr unsigned close_on_exec = 1U << 2; // CLOSE_RANGE_CLOEXEC, since Linux 5.11
  if (::syscall(SYS_close_range, first, UINT_MAX, close_on_exec) == 0) return;
#endif
  const long limit = ::sysconf(_SC_OPEN_MAX);
  for (int number = first; number < limit; ++number) ::fcntl(number, F_SETFD, FD_CLOEXEC);
}

void reset_signals() {
  struct sigaction fallback {};
  fallback.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &fallback, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_child(const child_plan& plan) {
  constexpr int orphaned = 125; // nobody is left to read it
  constexpr int not_run = 127;  // as a shell reports it
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The supervisor may have died before the line above: then nothing would kill this child.
  if (::getppid() != plan.supervisor) ::_exit(orphaned);
  ::setpgid(0, 0);
  reset_signals();
  if (::dup2(plan.input, STDIN_FILENO) >= 0 &&
      (plan.output < 0 ||
       (::dup2(plan.output, STDOUT_FILENO) >= 0 && ::dup2(plan.output, STDERR_FILENO) >= 0))) {
    close_the_rest_on_exec();
    ::execv(plan.program, plan.arguments);
  }
  const int code = errno;
  [[maybe_unused]] const auto written = ::write(plan.report, &code, sizeof code);
  ::_exit(not_run);
}

auto machine_failure(const std::string& what, int code) {
  return failure(errc::job_failed, "cannot start a process: " + what + ": " + std::strerror(code) +
                                       ". Fewer workers and shards, or a higher limit (ulimit -n, "
                                       "ulimit -u), would help");
}

// Out of the way of stdin, stdout and stderr, which are free when the supervisor was started so.
descriptor copy_above_standard(int given) {
  constexpr int first = 3;
  return descriptor(::fcntl(given, F_DUPFD_CLOEXEC, first));
}
descriptor above_standard(descriptor given) {
  return given.get() > STDERR_FILENO ? std::move(given) : copy_above_standard(given.get());
}

struct report_pipe {
  descriptor reader;
  descriptor writer;
};

report_pipe open_report() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  report_pipe made{descriptor(ends[0]), descriptor(ends[1])};
  made.writer = above_standard(std::move(made.writer));
  return made;
}

// What the child wrote before it gave up, or 0 when exec closed the pipe.
int read_report(int reader) {
  int code = 0;
  while (::read(reader, &code, sizeof code) < 0 && errno == EINTR) {
  }
  return code;
}

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL); // its number cannot be anyone else's: nobody has reaped it yet
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

} // namespace

runtime::result<spawned> spawn(const std::vector<std::string>& arguments,
                               const process_options& options) {
  std::vector<char*> words{::program_invocation_short_name};
  for (const auto& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  const auto input = options.input >= 0
                         ? copy_above_standard(options.input)
                         : above_standard(descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  if (!input) return machine_failure("stdin", errno);
  auto report = open_report();
  if (!report.writer) return machine_failure("pipe", errno);
  const child_plan plan{options.program.c_str(), words.data(),        input.get(),
                        options.output,          report.writer.get(), ::getpid()};

  const pid_t pid = ::fork();
  if (pid < 0) return machine_failure("fork", errno);
  if (pid == 0) become_child(plan);
  report.writer.reset();
  if (const int code = read_report(report.reader.get()); code != 0) {
    kill_and_reap(pid);
    return failure(errc::bad_file, "cannot run " + options.program + ": " + std::strerror(code));
  }
  descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle) {
    const int code = errno;
    kill_and_reap(pid);
    return machine_failure("pidfd_open (Linux 5.4 or newer has it)", code);
  }
  return spawned{pid, std::move(handle)};
}

} // namespace lagrange::apps
