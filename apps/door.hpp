/// \file
/// How a node that nobody here starts finds a running job: two files in the run's folder, which
/// only its owner can read, as long as the job runs. And who began anew, for replays.
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"
#include "runtime/transport/greeting.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace lagrange::apps {

/// Where the supervisor listens.
struct door_address {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const door_address&) const = default;
};
std::string to_string(const door_address& x);
/// From HOST:PORT. None: it is none.
std::optional<door_address> parse_door(std::string_view text);

/// Of the files, in the run's folder.
inline constexpr std::string_view door_name = "join.address", token_name = "join.token";

/// The files of a term, from its start to its end.
class open_door {
public:
  /// Errors: bad_file, naming the file and why it cannot be made.
  static runtime::result<open_door> make(const std::filesystem::path& run, const door_address& at,
                                         const runtime::transport::job_token& token);
  open_door(open_door&& other) noexcept;
  open_door& operator=(open_door&&) = delete;
  ~open_door();

private:
  explicit open_door(std::filesystem::path run) : run_(std::move(run)) {}
  std::filesystem::path run_; ///< empty: moved from
};

/// What the files say. Errors: bad_argument: it is no run's folder, or its job takes no nodes;
/// bad_file: they cannot be read, as by another user.
struct found_door {
  door_address at;
  runtime::transport::job_token token{};
};
runtime::result<found_door> find_door(const std::filesystem::path& run);

/// Adds a line to the run's `anew.log`. Errors: bad_file.
runtime::result<void> note_anew(const std::filesystem::path& run, const runtime::actor_life& who);
/// The lives of workers that began with nothing unsent, though their places had been lived in:
/// those of nodes that joined, for one. Errors: bad_file, of a
/// file that holds something else.
runtime::result<std::set<runtime::actor_life>> anew_told(const std::filesystem::path& run);

} // namespace lagrange::apps
