#include "apps/run_folder.hpp"

#include "apps/control_socket.hpp"
#include "runtime/feeder_past.hpp"
#include "runtime/files.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace lagrange::apps {

namespace fs = std::filesystem;
using runtime::errc;
using runtime::failure;
using runtime::result;

namespace {

/// Runs of one job in one second; far more than anybody starts.
constexpr int names_max = 1000;

std::string failed(std::string_view what, const fs::path& path, int number) {
  const bool is_full = number == ENOSPC || number == EDQUOT;
  return fmt::format("{} {}: {}; {}", what, path.string(), std::strerror(number),
                     is_full ? "free some space" : "choose another folder with --output DIR");
}

} // namespace

runtime::result<run_folder> run_folder::create(const fs::path& dir, const std::string& job) {
  std::error_code wrong;
  fs::create_directories(dir, wrong);
  if (wrong) return failure(errc::bad_file, failed("cannot make the folder", dir, wrong.value()));
  const auto stem = fmt::format("{}-{:%Y%m%d-%H%M%S}", job, fmt::localtime(std::time(nullptr)));
  for (int number = 1; number <= names_max; ++number) {
    const auto path = dir / (number == 1 ? stem : fmt::format("{}-{}", stem, number));
    if (fs::create_directory(path, wrong)) {
      run_folder made(path);
      auto command = run_command::take(path);
      if (command) {
        made.command_ = std::move(command).value();
        return made;
      }
      fs::remove_all(path, wrong);
      return command.error();
    }
    if (wrong)
      return failure(errc::bad_file, failed("cannot make the folder", path, wrong.value()));
  }
  return failure(errc::bad_file, "too many runs called " + (dir / stem).string());
}

namespace {

/// Whether whoever holds the run does not even say so.
bool is_silent(const fs::path& run, std::chrono::milliseconds silence) {
  const auto answer = give_order(run, "status", silence);
  return !answer && answer.error().code == errc::peer_gone;
}

} // namespace

result<run_folder> run_folder::open(const fs::path& path, std::chrono::milliseconds silence) {
  BOOST_OUTCOME_TRY(check_run_folder(path));
  run_folder made(path);
  auto command = run_command::take(path);
  if (!command && command.error().code == errc::bad_argument && is_silent(path, silence))
    command = run_command::replace(path);
  if (!command) return command.error();
  made.command_ = std::move(command).value();
  return made;
}

runtime::result<runtime::supervisor_term> run_folder::take_term(std::string_view job_text) {
  for (std::uint32_t term = 1; term <= runtime::terms_max; ++term) {
    const auto path = path_ / fmt::format("term-{}", term);
    const runtime::transport::descriptor file(
        ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
    if (file) {
      if (runtime::write_all(file.get(), std::as_bytes(std::span(job_text))))
        return runtime::supervisor_term{term};
      return failure(errc::bad_file, failed("cannot write", path, errno));
    }
    if (errno != EEXIST) return failure(errc::bad_file, failed("cannot write", path, errno));
  }
  return failure(errc::bad_file, "no term is left in " + path_.string());
}

runtime::result<void> run_folder::make(std::string_view name) const {
  std::error_code wrong;
  fs::create_directory(path_ / name, wrong);
  if (wrong)
    return failure(errc::bad_file, failed("cannot make the folder", path_ / name, wrong.value()));
  return runtime::success();
}

runtime::result<void> run_folder::write(std::string_view name, std::string_view content) const {
  return runtime::write_atomically(path_ / name, std::as_bytes(std::span(content)));
}

runtime::result<void> run_folder::append(std::string_view name, std::string_view line) const {
  const auto path = path_ / name;
  const int file = ::open(path.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
  if (file < 0) return failure(errc::bad_file, failed("cannot write", path, errno));
  std::string text(line);
  text += '\n';
  const auto written = ::write(file, text.data(), text.size()); // one write: whole lines or none
  const int number = errno;
  ::close(file);
  if (written < 0) return failure(errc::bad_file, failed("cannot write", path, number));
  if (static_cast<std::size_t>(written) != text.size())
    return failure(errc::bad_file, failed("cannot write", path, ENOSPC));
  return runtime::success();
}

result<void> check_run_folder(const fs::path& folder) {
  std::error_code wrong;
  if (!fs::is_directory(folder, wrong))
    return failure(errc::bad_argument,
                   fmt::format("{} is no folder, expected that of a run, as in runs/JOB-TIME",
                               folder.string()));
  if (!fs::exists(folder / "job.toml", wrong))
    return failure(errc::bad_argument, fmt::format("{} has no job.toml, expected the folder of a "
                                                   "run, as in runs/JOB-TIME",
                                                   folder.string()));
  return runtime::success();
}

result<std::string> read_run_file(const fs::path& path, std::size_t bytes_max) {
  BOOST_OUTCOME_TRY(content, runtime::read_file(path, bytes_max));
  return std::string(content.begin(), content.end());
}

} // namespace lagrange::apps
