#include "runtime/supervisor_relay.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

void supervisor_relay::be_alone(time_point now) {
  if (!alone_by_) alone_by_ = now + options_.window;
}

relay_effects supervisor_relay::on_look(const command_sighting& seen, time_point now) {
  relay_effects out;
  if (seen.is_over && seen.command >= command_) {
    out.end = "";
    return out;
  }
  if (seen.command > command_) {
    be_alone(now); // whoever was followed commands no more, even if it does not know
    next_ = seen.command;
    out.connect = seen.at;
    if (seen.is_held) alone_by_ = now + options_.window; // it is only not ready yet
  }
  if (alone_by_ && now >= *alone_by_)
    out.end = fmt::format("no supervisor has followed within restart.adoption_window = {} s",
                          std::chrono::duration<double>(options_.window).count());
  return out;
}

relay_effects supervisor_relay::on_down(time_point now) {
  be_alone(now);
  relay_effects out;
  if (options_.window.count() == 0) out.end = "";
  return out;
}

void supervisor_relay::on_connected() {
  command_ = next_;
  alone_by_.reset();
}

} // namespace lagrange::runtime
