/// \file
/// The door through which orders come to a running job: the Unix socket `control` in the run's
/// folder, for its owner alone. An order is a line of words, its answer is a line too.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/descriptor.hpp"

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::apps {

/// Of the socket, in the run's folder.
inline constexpr std::string_view control_name = "control";

/// What somebody wants of a running job, as in {"policy", "ssp:8"}.
struct control_order {
  std::uint64_t from = 0; ///< whom to answer
  std::vector<std::string> words;
};

class control_socket {
public:
  /// Errors: bad_file, naming the socket and why it cannot be made.
  static runtime::result<control_socket> open(const std::filesystem::path& run);
  control_socket(control_socket&& other) noexcept = default;
  control_socket& operator=(control_socket&&) = delete;
  ~control_socket();

  /// Leaves the name to whoever has made it anew.
  void release() { path_.clear(); }

  /// Adds what is worth waiting for.
  void add_to(std::vector<pollfd>& waited) const;
  /// Orders that are here whole. Never waits. Who sends too much, or nothing for long while others
  /// come, is dropped.
  std::vector<control_order> take_orders();
  /// Answers, and hangs up. Of somebody who has gone: nothing.
  void answer(std::uint64_t whom, std::string_view line);

private:
  struct caller {
    runtime::transport::descriptor socket;
    std::string heard;
    bool is_asked = false; ///< has given its order
  };
  control_socket(std::filesystem::path path, runtime::transport::descriptor listening)
      : path_(std::move(path)), listening_(std::move(listening)) {}
  void accept_callers();
  static bool hear(caller& from);

  std::filesystem::path path_;
  runtime::transport::descriptor listening_;
  std::map<std::uint64_t, caller> callers_; ///< the oldest first
  std::uint64_t last_caller_ = 0;
};

/// Gives an order to the job of this run, and waits for the answer: first word "ok" or "refused".
/// By default it waits as long as a switch of the policy may take for steps that are under way.
/// Errors: bad_argument: nobody takes orders there; peer_gone: it ended before it answered, or did
/// not answer in time.
runtime::result<std::string>
give_order(const std::filesystem::path& run, std::string_view order,
           std::chrono::milliseconds patience = std::chrono::minutes(2));

} // namespace lagrange::apps
