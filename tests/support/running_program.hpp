/// \file
/// A real `lagrange` process under test: started with --json, read line by line, never waited for
/// by sleeping.
#pragma once

#include "apps/process.hpp"

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace lagrange::tests {

using std::chrono::milliseconds;

/// Whether the process ended within `patience`; also true when it had ended before.
inline bool ends_within(pid_t pid, milliseconds patience) {
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (handle < 0) return true;
  pollfd wait{handle, POLLIN, 0};
  const bool has_ended = ::poll(&wait, 1, static_cast<int>(patience.count())) == 1;
  ::close(handle);
  return has_ended;
}

/// The node processes whose supervisor has this number.
inline std::vector<pid_t> nodes_of(pid_t supervisor) {
  std::vector<pid_t> found;
  const auto wanted = std::string("--supervisor-pid") + '\0' + std::to_string(supervisor) + '\0';
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    const std::string words((std::istreambuf_iterator<char>(file)), {});
    if (words.find(wanted) != words.npos) found.push_back(std::stoi(name));
  }
  return found;
}

/// The program, with its stdout and stderr on one pipe.
class running_program {
public:
  explicit running_program(std::vector<std::string> arguments,
                           const std::string& program = LAGRANGE_PROGRAM)
      : processes_([this](const apps::process_end& end) {
          const std::lock_guard lock(mutex_);
          end_ = end;
        }) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    output_ = ends[0];
    apps::process_options options;
    options.program = program;
    options.output = ends[1];
    pid_ = processes_.start(arguments, options).value();
    ::close(ends[1]);
  }
  ~running_program() {
    processes_.kill_all();
    ::close(output_);
  }

  pid_t pid() const { return pid_; }
  void signal(int number) { processes_.signal(pid_, number); }

  /// The next line of output; none when it has closed or nothing came for `patience`.
  std::optional<std::string> line(milliseconds patience = milliseconds(30'000)) {
    for (;;) {
      if (const auto end = text_.find('\n'); end != text_.npos) {
        auto made = text_.substr(0, end);
        text_.erase(0, end + 1);
        all_ += made + '\n';
        return made;
      }
      pollfd wait{output_, POLLIN, 0};
      if (::poll(&wait, 1, static_cast<int>(patience.count())) != 1) return std::nullopt;
      char bytes[4096];
      const auto count = ::read(output_, bytes, sizeof bytes);
      if (count <= 0) return std::nullopt;
      text_.append(bytes, static_cast<std::size_t>(count));
    }
  }

  /// Reads status lines until `claim` holds of one; null when the output ends first.
  nlohmann::json status_where(const std::function<bool(const nlohmann::json&)>& claim) {
    while (auto next = line()) {
      const auto status = nlohmann::json::parse(*next, nullptr, false);
      if (!status.is_discarded() && status.contains("actors") && claim(status)) return status;
    }
    return {};
  }

  /// Reads to the end of the output and waits for the process.
  apps::process_end wait(milliseconds patience = milliseconds(60'000)) {
    while (line(patience)) {
    }
    processes_.wait_for_all(patience);
    const std::lock_guard lock(mutex_);
    return end_.value_or(apps::process_end{});
  }
  const std::string& output() const { return all_; }

private:
  std::mutex mutex_;
  std::optional<apps::process_end> end_;
  int output_ = -1;
  pid_t pid_ = 0;
  std::string text_, all_;
  apps::process_group processes_;
};

/// The row of an actor in a status line.
inline nlohmann::json row_of(const nlohmann::json& status, const std::string& name) {
  for (const auto& row : status["actors"])
    if (row["name"] == name) return row;
  return {};
}

} // namespace lagrange::tests
