#include "bench/what_if/program.hpp"

#include "apps/process.hpp"
#include "ops/contract.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iterator>

namespace lagrange::bench {

namespace fs = std::filesystem;

namespace {
constexpr std::chrono::minutes patience{30};

/// The one folder in a folder.
fs::path only_folder_in(const fs::path& at) {
  for (const auto& entry : fs::directory_iterator(at))
    if (entry.is_directory()) return entry.path();
  throw ops::device_error(at.string() + ": no run's folder in it");
}
} // namespace

bool is_verb(std::span<char* const> arguments) {
  constexpr std::string_view verbs[] = {"run", "simulate", "node"};
  return arguments.size() > 1 && std::ranges::find(verbs, arguments[1]) != std::end(verbs);
}

runs_folder::runs_folder()
    : at_(fs::temp_directory_path() / ("lagrange-what-if-" + std::to_string(::getpid()))) {
  std::error_code failed;
  if (!fs::create_directories(at_, failed))
    throw ops::device_error(at_.string() + ": cannot be made: " + failed.message());
}

runs_folder::~runs_folder() {
  std::error_code ignored;
  fs::remove_all(at_, ignored);
}

runs_folder::made_run runs_folder::make(std::vector<std::string> words) {
  const auto into = at_ / std::to_string(made_++);
  words.insert(words.end(), {"--quiet", "--output", into.string()});
  std::atomic<int> status = -1;
  apps::process_group processes([&](const apps::process_end& end) {
    if (end.signal == 0) status = end.status;
  });
  if (const auto started = processes.start(words); !started)
    throw ops::device_error(started.error().text);
  if (!processes.wait_for_all(patience) || status != 0)
    throw ops::device_error("the job that began with \"" + words.front() + "\" did not end well");
  const auto folder = only_folder_in(into);
  std::ifstream file(folder / "summary.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return {folder, runtime::parse_summary(text, (folder / "summary.json").string()).value()};
}

} // namespace lagrange::bench
