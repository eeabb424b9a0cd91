#include "apps/door.hpp"

#include "apps/command_words.hpp"
#include "apps/run_folder.hpp"
#include "runtime/files.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;
using transport::descriptor;

namespace {

constexpr std::string_view anew_name = "anew.log";
constexpr mode_t owner_alone = 0600;

/// A new file that nobody but its owner could ever open: an old one, of a supervisor that was
/// killed, is removed first.
result<void> write_secret(const fs::path& path, std::string_view text) {
  ::unlink(path.c_str());
  const descriptor made(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, owner_alone));
  if (!made || !write_all(made.get(), std::as_bytes(std::span(text))))
    return failure(errc::bad_file,
                   fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
  return success();
}

} // namespace

std::string to_string(const door_address& x) { return fmt::format("{}:{}", x.host, x.port); }

std::optional<door_address> parse_door(std::string_view text) {
  constexpr std::uint32_t port_max = 65'535;
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return std::nullopt;
  const auto port = parse_number(text.substr(colon + 1), port_max);
  if (!port || *port == 0) return std::nullopt;
  return door_address{std::string(text.substr(0, colon)), static_cast<std::uint16_t>(*port)};
}

result<open_door> open_door::make(const fs::path& run, const door_address& at,
                                  const transport::job_token& token) {
  open_door made(run);
  BOOST_OUTCOME_TRY(write_secret(run / token_name, transport::to_text(token) + "\n"));
  BOOST_OUTCOME_TRY(write_secret(run / door_name, to_string(at) + "\n"));
  return made;
}

open_door::open_door(open_door&& other) noexcept : run_(std::exchange(other.run_, {})) {}

open_door::~open_door() {
  if (run_.empty()) return;
  std::error_code ignored;
  fs::remove(run_ / door_name, ignored);
  fs::remove(run_ / token_name, ignored);
}

result<found_door> find_door(const fs::path& run) {
  BOOST_OUTCOME_TRY(check_run_folder(run));
  std::error_code none;
  if (!fs::exists(run / door_name, none))
    return failure(
        errc::bad_argument,
        fmt::format("the job of {} takes no nodes: it is over, or began without room for "
                    "them (topology.max_workers above topology.workers), or all of it "
                    "is in one process or simulated",
                    run.string()));
  BOOST_OUTCOME_TRY(text, read_run_file(run / door_name));
  while (text.ends_with('\n')) text.pop_back();
  const auto at = parse_door(text);
  if (!at)
    return failure(errc::bad_file,
                   fmt::format("{}: no address, expected HOST:PORT", (run / door_name).string()));
  BOOST_OUTCOME_TRY(token, transport::read_token(run / token_name));
  return found_door{*at, token};
}

result<void> note_anew(const fs::path& run, const actor_life& who) {
  const auto path = run / anew_name;
  const auto line = fmt::format("{} {}\n", to_string(who.name), who.life.value);
  const descriptor to(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                             S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH));
  if (!to || !write_all(to.get(), std::as_bytes(std::span(line))))
    return failure(errc::bad_file,
                   fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno)));
  return success();
}

result<std::set<actor_life>> anew_told(const fs::path& run) {
  std::set<actor_life> found;
  const auto path = run / anew_name;
  std::error_code none;
  if (!fs::exists(path, none)) return found;
  BOOST_OUTCOME_TRY(text, read_run_file(path));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    const auto name = parse_name(std::string_view(line).substr(0, space));
    const auto life = space == line.npos
                          ? std::nullopt
                          : parse_number(std::string_view(line).substr(space + 1), UINT32_MAX);
    if (!name || !life)
      return failure(errc::bad_file, fmt::format("{}: \"{}\" is no worker and its incarnation, as "
                                                 "in worker-4 2",
                                                 path.string(), line));
    found.insert({*name, {*life}});
  }
  return found;
}

} // namespace lagrange::apps
