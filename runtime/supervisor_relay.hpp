/// \file
/// Whom a node follows: the supervisor that started it, and whoever takes the run's command after
/// that one. The run's folder says who has it, so that two supervisors who both believe to command
/// are one too few: a node follows the highest command that it has seen, and none before it.
///
/// Without a supervisor the node's actor goes on. Nothing of a step needs a supervisor, and nothing
/// is decided meanwhile: no view, cut, switch or promotion. What has to be known later is kept by
/// the relay and told to the next one; reports count from the start of a life, so the next is
/// enough.
///
/// Invariant: EN-1 (a node whose supervisor nobody follows ends after the adoption window).
#pragma once

#include "runtime/adoption.hpp"
#include "runtime/control.hpp"

#include <optional>
#include <string>

namespace lagrange::runtime {

struct relay_options {
  command_number command{1};           ///< of the supervisor that started the node
  std::chrono::milliseconds window{0}; ///< restart.adoption_window; 0: the node ends at once
};

/// What the run's folder says of its newest command.
struct command_sighting {
  command_number command;     ///< 0: nothing is known
  bool is_held = false;       ///< by a process that lives
  bool is_over = false;       ///< its supervisor said that nobody is to follow it
  std::optional<endpoint> at; ///< where nodes find it; none: it has not said so yet
};

struct relay_effects {
  std::optional<endpoint> connect; ///< to the next supervisor
  std::optional<std::string> end;  ///< the node ends; why, or empty where that was to be expected
};

class supervisor_relay {
public:
  explicit supervisor_relay(relay_options options) : options_(options), command_(options.command) {}

  /// Several times a second.
  relay_effects on_look(const command_sighting& seen, time_point now);
  /// The connection to the supervisor has ended.
  relay_effects on_down(time_point now);
  /// The connection that was wanted stands.
  void on_connected();

  /// Whether there is somebody to tell what happens.
  bool is_followed() const { return !alone_by_.has_value(); }
  command_number command() const { return command_; }

private:
  void be_alone(time_point now);

  relay_options options_;
  command_number command_;             ///< that is followed
  command_number next_;                ///< that was seen above it
  std::optional<time_point> alone_by_; ///< without a supervisor: for no longer than this
};

} // namespace lagrange::runtime
