#include "apps/run_command.hpp"

#include "runtime/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;
using transport::descriptor;

namespace {

/// Longer than any command file.
constexpr std::size_t text_bytes_max = 4096;

fs::path path_of(const fs::path& run, command_number number) {
  return run / fmt::format("command-{}", number.value);
}

/// A lock of the open file itself, and not of the process: it can be asked for without being taken.
struct flock whole_file() {
  struct flock made {};
  made.l_type = F_WRLCK;
  made.l_whence = SEEK_SET;
  return made;
}

/// Where a file system has no locks, nobody holds any.
bool is_held(int file) {
  auto found = whole_file();
  return ::fcntl(file, F_OFD_GETLK, &found) == 0 && found.l_type != F_UNLCK;
}

std::string text_of(int file) {
  std::string text(text_bytes_max, '\0');
  const auto count = ::pread(file, text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

/// A line without its end is still being written.
seen_command read_command(int file, command_number number) {
  seen_command made;
  made.what.command = number;
  made.what.is_held = is_held(file);
  const auto text = text_of(file);
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    endpoint at;
    words >> first;
    if (first == "pid") words >> made.supervisor;
    if (first == "over") made.what.is_over = true;
    if (first == "at" && words >> at.host >> at.port) made.what.at = at;
  }
  return made;
}

auto cannot(std::string_view what, const fs::path& path) {
  return failure(errc::bad_file,
                 fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

auto still_runs(const fs::path& run) {
  return failure(errc::bad_argument, run.string() + " belongs to a supervisor that still runs; end "
                                                    "that first, as with Ctrl-C");
}

result<void> add(const descriptor& to, const fs::path& path, const std::string& line) {
  if (write_all(to.get(), std::as_bytes(std::span(line)))) return success();
  return cannot("write", path);
}

} // namespace

seen_command look_for_command(const fs::path& run, command_number from) {
  auto newest = from;
  std::error_code wrong;
  while (fs::exists(path_of(run, newest.next()), wrong)) newest = newest.next();
  const descriptor file(::open(path_of(run, newest).c_str(), O_RDWR | O_CLOEXEC));
  return file ? read_command(file.get(), newest) : seen_command{};
}

result<run_command> run_command::take(const fs::path& run) {
  const auto last = look_for_command(run);
  if (last.what.is_held) return still_runs(run);
  return take_after(run, last.what.command);
}

result<run_command> run_command::replace(const fs::path& run) {
  return take_after(run, look_for_command(run).what.command);
}

/// It is there with its first line and its lock, or not at all: `link` fails where it is there.
result<run_command> run_command::take_after(const fs::path& run, command_number last) {
  const auto number = last.next();
  const auto path = path_of(run, number);
  const auto draft = run / fmt::format(".command-{}.{}.partial", number.value, ::getpid());
  descriptor file(::open(draft.c_str(), O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0644));
  if (!file) return cannot("make", draft);
  auto lock = whole_file();
  ::fcntl(file.get(), F_OFD_SETLK, &lock);
  const auto written = add(file, draft, fmt::format("pid {}\n", ::getpid()));
  const bool is_taken = written && ::link(draft.c_str(), path.c_str()) == 0;
  const int why = errno;
  ::unlink(draft.c_str());
  if (!written) return written.error();
  if (is_taken) return run_command(run, number, std::move(file));
  if (why == EEXIST) return still_runs(run);
  errno = why;
  return cannot("make", path);
}

result<void> run_command::announce(const std::string& host, std::uint16_t port) const {
  return add(file_, path_of(run_, number_), fmt::format("at {} {}\n", host, port));
}

void run_command::lay_down() const {
  [[maybe_unused]] const auto said = add(file_, path_of(run_, number_), "over\n");
}

bool run_command::is_replaced() const {
  return ::access(path_of(run_, number_.next()).c_str(), F_OK) == 0;
}

} // namespace lagrange::apps
