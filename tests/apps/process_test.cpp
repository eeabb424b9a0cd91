#include "tests/apps/children.hpp"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <thread>

namespace lagrange::apps {

using runtime::errc;
using std::chrono_literals::operator""h;

namespace {

const process_options shell{.program = "/bin/sh"};
const process_options idle{.program = idle_program};

// What a shell command prints when a group runs it.
std::string output_of(const std::string& command) {
  ear heard;
  process_group group([](const process_end&) {});
  auto options = shell;
  options.output = heard.writer();
  REQUIRE(group.start({"-c", command}, options).has_value());
  heard.close_writer();
  return heard.rest();
}

bool exists(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

// Lowers the number of descriptors that the process may open, for a while.
class few_descriptors {
public:
  explicit few_descriptors(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{limit, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
  rlimit before_{};
};

} // namespace

TEST_CASE("EN-1: a child's exit status is told exactly once", "[apps][process]") {
  told_ends ends;
  process_group group(ends.callback());
  const auto pid = group.start({"-c", "exit 7"}, shell).value();
  REQUIRE(group.wait_for_all(long_enough));
  CHECK(ends.all() == std::vector{process_end{pid, 7, 0}});
  CHECK(to_string(ends.all().front()) ==
        "process " + std::to_string(pid) + " exited with status 7");
}

TEST_CASE("EN-1: the signal that killed a child is told by its name", "[apps][process]") {
  told_ends ends;
  process_group group(ends.callback());
  const auto pid = group.start(idle_arguments, idle).value();
  CHECK(group.signal(pid, SIGKILL));
  REQUIRE(group.wait_for_all(long_enough));
  CHECK(ends.all() == std::vector{process_end{pid, 0, SIGKILL}});
  CHECK(to_string(ends.all().front()) ==
        "process " + std::to_string(pid) + " was killed by signal 9 (Killed)");
}

TEST_CASE("a signal reaches living children only", "[apps][process]") {
  process_group group([](const process_end&) {});
  const auto pid = group.start({"-c", "exit 0"}, shell).value();
  REQUIRE(group.wait_for_all(long_enough));
  CHECK_FALSE(group.signal(pid, SIGTERM));
  CHECK_FALSE(group.signal(::getpid(), SIGTERM)); // it would end this test
}

TEST_CASE("EN-1: of fifty children a destroyed group leaves none", "[apps][process]") {
  told_ends ends;
  std::vector<pid_t> pids;
  {
    process_group group(ends.callback());
    for (int i = 0; i < 50; ++i) pids.push_back(group.start(idle_arguments, idle).value());
    CHECK(group.living().size() == 50);
  }
  CHECK(ends.all().size() == 50);
  for (const auto pid : pids) CHECK_FALSE(exists(pid));
}

TEST_CASE("a supervisor of three that waits to be killed", "[.][idle-supervisor]") {
  process_group group([](const process_end&) {});
  for (int i = 0; i < 3; ++i) {
    const auto line = std::to_string(group.start(idle_arguments, idle).value()) + "\n";
    REQUIRE(::write(STDOUT_FILENO, line.data(), line.size()) > 0);
  }
  group.wait_for_all(1h);
}

TEST_CASE("EN-1: a supervisor killed with SIGKILL takes its children along", "[apps][process]") {
  ear heard;
  process_group group([](const process_end&) {});
  const auto supervisor =
      group.start(hidden_case("idle-supervisor"), {.output = heard.writer()}).value();
  std::vector<descriptor> grandchildren;
  for (int i = 0; i < 3; ++i) {
    const int pid = std::stoi(heard.line());
    grandchildren.emplace_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    REQUIRE(grandchildren.back());
  }
  REQUIRE(group.signal(supervisor, SIGKILL));
  for (const auto& grandchild : grandchildren) {
    pollfd polled{grandchild.get(), POLLIN, 0};
    CHECK(::poll(&polled, 1, 10'000) == 1);
  }
}

TEST_CASE("a child outlives the thread that asked for it", "[apps][process]") {
  told_ends ends;
  process_group group(ends.callback());
  pid_t pid = 0;
  std::thread([&] { pid = group.start(idle_arguments, idle).value(); }).join();
  CHECK(group.signal(pid, SIGTERM));
  REQUIRE(group.wait_for_all(long_enough));
  CHECK(ends.all().front().signal == SIGTERM); // SIGKILL, had it died with the thread
}

TEST_CASE("EN-1: nothing starts in a group that has been closed", "[apps][process]") {
  process_group group([](const process_end&) {});
  REQUIRE(group.start(idle_arguments, idle).has_value());
  CHECK(group.kill_all(long_enough));
  CHECK(group.living().empty());
  CHECK(group.start(idle_arguments, idle).error().code == errc::interrupted);
}

TEST_CASE("the callback may start a child's next incarnation", "[apps][process]") {
  std::vector<int> seen;
  process_group* self = nullptr;
  process_group group([&](const process_end& end) {
    seen.push_back(end.status);
    if (seen.size() < 3) (void)self->start({"-c", "exit " + std::to_string(end.status + 1)}, shell);
  });
  self = &group;
  REQUIRE(group.start({"-c", "exit 1"}, shell).has_value());
  REQUIRE(group.wait_for_all(long_enough));
  CHECK(seen == std::vector{1, 2, 3});
}

TEST_CASE("a program that cannot be run is an error that names it", "[apps][process]") {
  told_ends ends;
  process_group group(ends.callback());
  const auto missing = group.start({}, {.program = "/no/such/program"});
  REQUIRE(missing.has_error());
  CHECK(missing.error().code == errc::bad_file);
  CHECK(missing.error().text == "cannot run /no/such/program: No such file or directory");
  CHECK(group.start({}, {.program = "/etc/passwd"}).error().code == errc::bad_file);
  CHECK(group.living().empty());
  CHECK(ends.all().empty());
}

TEST_CASE("a machine without free descriptors gives an error, then goes on", "[apps][process]") {
  process_group group([](const process_end&) {});
  const descriptor first_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto limit = static_cast<rlim_t>(first_free.get()) + 1;
  // Each limit fails another step: /dev/null, the pipe, the pidfd.
  for (rlim_t spare = 0; spare < 3; ++spare) {
    const few_descriptors low(limit + spare);
    const auto refused = group.start({"-c", "exit 0"}, shell);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::job_failed);
    CHECK(group.living().empty());
  }
  CHECK(group.start({"-c", "exit 0"}, shell).has_value());
}

TEST_CASE("a child gets its three descriptors and no other", "[apps][process]") {
  const descriptor leaky(::open("/dev/null", O_RDONLY)); // as a library would open it
  REQUIRE(leaky);
  // ls has a descriptor of its own, 3, for the folder that it lists.
  CHECK(output_of("exec ls /proc/self/fd") == "0\n1\n2\n3\n");
  CHECK(output_of("exec readlink /proc/self/fd/0") == "/dev/null\n");
}

TEST_CASE("a child has no signal blocked or ignored", "[apps][process]") {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto was = ::signal(SIGPIPE, SIG_IGN);
  const auto masks = output_of("exec grep -E 'Sig(Blk|Ign)' /proc/self/status");
  ::signal(SIGPIPE, was);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(masks == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE("a child leads a process group of its own", "[apps][process]") {
  process_group group([](const process_end&) {});
  const auto pid = group.start(idle_arguments, idle).value();
  CHECK(::getpgid(pid) == pid);
}

TEST_CASE("a supervisor that was told to ignore SIGCHLD learns of ends", "[apps][process]") {
  const auto was = ::signal(SIGCHLD, SIG_IGN);
  told_ends ends;
  process_group group(ends.callback());
  const auto pid = group.start({"-c", "exit 3"}, shell).value();
  REQUIRE(group.wait_for_all(long_enough));
  ::signal(SIGCHLD, was);
  CHECK(ends.all() == std::vector{process_end{pid, 3, 0}});
}

} // namespace lagrange::apps
