#include "apps/standby.hpp"

#include "apps/control_socket.hpp"
#include "apps/interrupts.hpp"
#include "apps/run_command.hpp"
#include "apps/run_folder.hpp"
#include "runtime/job.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <optional>

namespace lagrange {

namespace {

using namespace runtime;
using steady = std::chrono::steady_clock;

/// Between two looks at the lock of the supervisor that commands: a part of the pause.
constexpr int look_period_ms = 50;
/// Between two questions whether it still answers, each of which may take as long.
constexpr std::chrono::milliseconds ask_period{500};

int refuse(const std::string& why) {
  fmt::print(stderr, "lagrange: {}\n", why);
  return 2;
}

enum class finding : std::uint8_t { interrupted = 0, over, leaderless };

/// Watches until there is something to do.
class watch_post {
public:
  watch_post(const standby_order& order, apps::interrupts& signals)
      : run_(order.run), silence_(order.silence), signals_(signals) {}

  finding wait() {
    for (;;) {
      pollfd stopped{signals_.pollable(), POLLIN, 0};
      ::poll(&stopped, 1, look_period_ms);
      if (signals_.first()) return finding::interrupted;
      const auto seen = apps::look_for_command(run_);
      if (!seen.what.is_held) return seen.what.is_over ? finding::over : finding::leaderless;
      if (is_silent()) return finding::leaderless;
    }
  }

private:
  /// The resumed run waits as long again before it believes so.
  bool is_silent() {
    const auto now = steady::now();
    if (now - asked_ < ask_period) return false;
    const auto answer = apps::give_order(run_, "status", ask_period);
    asked_ = steady::now();
    if (answer || answer.error().code != errc::peer_gone) heard_ = asked_;
    return asked_ - heard_ >= silence_;
  }

  const std::string& run_;
  const std::chrono::milliseconds silence_;
  apps::interrupts& signals_;
  steady::time_point asked_ = steady::now(), heard_ = asked_;
};

finding watch(const standby_order& order) {
  apps::interrupts signals; // gone before the run makes its own
  fmt::print(stderr, "standing by {}; Ctrl-C leaves the job alone\n", order.run);
  return watch_post(order, signals).wait();
}

} // namespace

int stand_by(const standby_order& order) {
  if (const auto found = apps::check_run_folder(order.run); !found)
    return refuse(found.error().text);
  const auto command = apps::look_for_command(order.run).what;
  if (command.is_over || command.command.value == 0)
    return refuse(fmt::format("{} is over, or was never begun by a supervisor; expected the folder "
                              "of a job that runs, as lagrange ps lists them",
                              order.run));
  if (!command.is_held)
    return refuse(fmt::format("{} has no supervisor any more; lagrange run --resume {} goes on "
                              "with it",
                              order.run, order.run));
  for (;;) {
    const auto found = watch(order);
    if (found == finding::interrupted) return 130;
    if (found == finding::over) {
      fmt::print(stderr, "{} has ended without its standby\n", order.run);
      return 0;
    }
    const auto status = order.take_over();
    // Refused because the supervisor speaks again, or another standby was faster: there is somebody
    // to stand by.
    if (status != 2 || !apps::look_for_command(order.run).what.is_held) return status;
  }
}

} // namespace lagrange
