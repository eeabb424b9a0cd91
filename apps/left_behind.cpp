#include "apps/left_behind.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

namespace lagrange::apps {

namespace fs = std::filesystem;

namespace {

/// Between two looks at the table of processes.
constexpr int look_period_ms = 20;

/// The arguments of a process, each ended by a zero; empty for one that is gone.
std::string words_of(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", process), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has_supervisor(const std::string& words, pid_t supervisor) {
  using namespace std::string_literals;
  return words.find("\0--supervisor-pid\0"s + std::to_string(supervisor) + "\0"s) != words.npos;
}

std::vector<pid_t> processes() {
  std::vector<pid_t> found;
  std::error_code wrong;
  for (fs::directory_iterator at("/proc", wrong), end; !wrong && at != end; at.increment(wrong)) {
    const auto name = at->path().filename().string();
    pid_t number = 0;
    const auto [stop, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (problem == std::errc{} && stop == name.data() + name.size()) found.push_back(number);
  }
  return found;
}

constexpr std::string_view socket_word = "socket";

struct stray_file {
  std::string_view what;
  fs::path path;
};

/// Sockets, and files that write_atomically() had not finished.
std::vector<stray_file> stray_files(const fs::path& run) {
  std::vector<stray_file> found;
  std::error_code wrong;
  for (fs::recursive_directory_iterator at(run, wrong), end; !wrong && at != end;
       at.increment(wrong)) {
    std::error_code none;
    const auto name = at->path().filename().string();
    if (at->is_socket(none)) found.push_back({socket_word, at->path()});
    if (name.starts_with(".") && name.ends_with(".partial"))
      found.push_back({"unfinished file", at->path()});
  }
  return found;
}

/// Memory that processes of a job share has no name, so that none can be left; if it ever had one,
/// it would begin with the program's.
void find_memory(std::vector<std::string>& found) {
  std::error_code wrong;
  for (fs::directory_iterator at("/dev/shm", wrong), end; !wrong && at != end; at.increment(wrong))
    if (at->path().filename().string().starts_with("lagrange"))
      found.push_back("the shared memory " + at->path().string());
}

} // namespace

std::vector<std::string> arguments_of(pid_t process) {
  const auto words = words_of(process);
  std::vector<std::string> made;
  for (std::size_t at = 0; at < words.size();) {
    const auto end = std::min(words.find('\0', at), words.size());
    made.push_back(words.substr(at, end - at));
    at = end + 1;
  }
  return made;
}

bool is_node_of(pid_t process, pid_t supervisor) {
  return has_supervisor(words_of(process), supervisor);
}

std::vector<pid_t> nodes_of(std::span<const pid_t> supervisors) {
  std::vector<pid_t> found;
  for (const auto process : processes()) {
    const auto words = words_of(process);
    if (std::ranges::any_of(supervisors, [&](pid_t each) { return has_supervisor(words, each); }))
      found.push_back(process);
  }
  return found;
}

std::vector<std::string> left_behind(const fs::path& run, std::span<const pid_t> supervisors,
                                     std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  auto nodes = nodes_of(supervisors);
  while (!nodes.empty() && std::chrono::steady_clock::now() < deadline) {
    ::poll(nullptr, 0, look_period_ms);
    nodes = nodes_of(supervisors);
  }
  std::vector<std::string> found;
  for (const auto process : nodes) found.push_back(fmt::format("process {}", process));
  for (const auto& [what, path] : stray_files(run))
    found.push_back(fmt::format("the {} {}", what, path.string()));
  find_memory(found);
  return found;
}

bool sweep(const fs::path& run) {
  bool had_socket = false;
  std::error_code ignored;
  for (const auto& stray : stray_files(run))
    if (fs::remove(stray.path, ignored)) had_socket |= stray.what == socket_word;
  return had_socket;
}

} // namespace lagrange::apps
