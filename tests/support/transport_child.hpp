/// \file
/// Another process with an endpoint, for tests that stop it or kill it: this test program again,
/// running the hidden case "[transport-child]".
#pragma once

#include "runtime/transport/descriptor.hpp"
#include "runtime/transport/endpoint.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>

namespace lagrange::tests {

/// Kinds of frames that the child understands.
enum class child_task : std::uint16_t {
  acknowledge = 1, ///< let go of it, and answer
  hold,            ///< keep it for ever
};

/// One line that a child prints to be reached.
inline std::string to_line(const runtime::transport::address& x) {
  const auto shown = [](const std::string& text) { return text.empty() ? "-" : text; };
  return fmt::format("{} {} {} {}\n", shown(x.host), shown(x.local), shown(x.ip), x.port);
}
inline runtime::transport::address to_address(const std::string& line) {
  runtime::transport::address made;
  std::istringstream words(line);
  words >> made.host >> made.local >> made.ip >> made.port;
  for (auto* each : {&made.host, &made.local, &made.ip})
    if (*each == "-") each->clear();
  return made;
}

/// Runs until its input ends, or it is killed; gone with this object.
class transport_child {
public:
  /// `way` is "tcp" or "shared".
  explicit transport_child(const std::string& way) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    const descriptor childs_in(in[0]), childs_out(out[1]);
    in_ = descriptor(in[1]);
    out_ = descriptor(out[0]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, childs_in.get(), 3);
    ::posix_spawn_file_actions_adddup2(&actions, childs_out.get(), 4);
    std::string program = "test_runtime", which = "[transport-child]";
    char* arguments[] = {program.data(), which.data(), nullptr};
    std::string chosen = "LAGRANGE_TEST_WAY=" + way;
    char* environment[] = {chosen.data(), nullptr};
    const int status =
        ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments, environment);
    ::posix_spawn_file_actions_destroy(&actions);
    if (status != 0) throw std::runtime_error("no child");
  }
  ~transport_child() {
    kill(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  transport_child(const transport_child&) = delete;
  transport_child& operator=(const transport_child&) = delete;

  /// The address that it prints; blocks until it does.
  runtime::transport::address where() const {
    std::string line;
    for (char c = 0; ::read(out_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return to_address(line);
  }
  void kill(int signal) const { ::kill(pid_, signal); }
  /// Stops it, and waits until it stands.
  void stop() const {
    kill(SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  void go_on() const { kill(SIGCONT); }

private:
  using descriptor = runtime::transport::descriptor;
  descriptor in_, out_;
  pid_t pid_ = 0;
};

} // namespace lagrange::tests
