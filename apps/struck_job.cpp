#include "apps/struck_job.hpp"

#include "apps/left_behind.hpp"
#include "ops/contract.hpp"
#include "runtime/files.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;
using transport::descriptor;

namespace {

/// A supervisor that is well answers within a part of this.
constexpr std::chrono::milliseconds look_patience{500};

/// As the child's stdin: it leaves no file behind, whoever is killed.
descriptor hold_text(const char* name, const std::string& text) {
  descriptor made(::memfd_create(name, MFD_CLOEXEC));
  if (!made || !write_all(made.get(), std::as_bytes(std::span(text))))
    throw ops::device_error(
        fmt::format("no file in memory for {}: {}", name, std::strerror(errno)));
  return made;
}

std::string text_of(const descriptor& file) {
  std::string text;
  char bytes[4096];
  off_t at = 0;
  for (ssize_t got = 0; (got = ::pread(file.get(), bytes, sizeof bytes, at)) > 0; at += got)
    text.append(bytes, static_cast<std::size_t>(got));
  return text;
}

} // namespace

struck_job::struck_job(const std::string& job_text, fs::path output)
    : config_(hold_text("a job's config", job_text)), output_(std::move(output)),
      before_(open_runs(output_)), processes_([this](const process_end& end) {
        const std::lock_guard lock(mutex_);
        ends_.push_back(end);
      }) {}

result<void> struck_job::start(std::vector<std::string> flags) {
  std::vector<std::string> words{"run"};
  if (has_run())
    words.insert(words.end(), {"--resume", run_.string()});
  else
    words.push_back("/dev/stdin");
  words.insert(words.end(), flags.begin(), flags.end());
  BOOST_OUTCOME_TRY(pid, processes_.start(words, {.input = config_.get()}));
  supervisor_ = pid;
  supervisors_.push_back(pid);
  return success();
}

std::optional<process_end> struck_job::end() const {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(ends_, supervisor_, &process_end::pid);
  return found == ends_.end() ? std::nullopt : std::optional(*found);
}

/// Of the runs that are new, the one whose supervisor is the child.
void struck_job::find_run() {
  for (const auto& run : open_runs(output_)) {
    if (std::ranges::find(before_, run) != before_.end()) continue;
    const auto told = ask_status(run, look_patience);
    if (told && told.value().supervisor == supervisor_) run_ = run;
  }
}

std::optional<told_status> struck_job::look() {
  if (!has_run()) find_run();
  if (!has_run()) return std::nullopt;
  auto told = ask_status(run_, look_patience);
  if (!told || told.value().supervisor != supervisor_) return std::nullopt;
  return std::move(told).value();
}

descriptor struck_job::hold(pid_t process) const {
  descriptor made(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  // Looked at when it is held: nobody can get its number in between.
  const bool is_node = std::ranges::any_of(
      supervisors_, [&](pid_t each) { return is_node_of(process, each); }); // it may be adopted
  if (!made || (process != supervisor_ && !is_node)) return descriptor();
  return made;
}

bool struck_job::signal(const descriptor& whom, int number) {
  return ::syscall(SYS_pidfd_send_signal, whom.get(), number, nullptr, 0) == 0;
}

void struck_job::interrupt() {
  processes_.signal(supervisor_, SIGCONT);
  processes_.signal(supervisor_, SIGINT);
}

result<said> run_program(const std::vector<std::string>& words,
                         std::chrono::milliseconds patience) {
  const auto output = hold_text("what a program says", "");
  std::mutex mutex;
  process_end end;
  bool has_ended = false;
  {
    process_group group([&](const process_end& found) {
      const std::lock_guard lock(mutex);
      end = found;
      has_ended = true;
    });
    BOOST_OUTCOME_TRY(group.start(words, {.output = output.get()}));
    group.wait_for_all(patience);
    group.kill_all();
  }
  if (!has_ended) return failure(errc::job_failed, "a process that nobody can end");
  constexpr int by_signal = 128;
  return said{end.signal != 0 ? by_signal + end.signal : end.status, text_of(output)};
}

} // namespace lagrange::apps
