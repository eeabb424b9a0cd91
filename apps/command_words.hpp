/// \file
/// What the verbs of the command line share: their words, and how these are parsed and refused.
#pragma once

#include "apps/command_line.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string_view>

namespace lagrange {

constexpr int status_refused = 2;

/// A command line as a verb sees it.
struct invocation {
  std::span<const std::string> words; ///< after the verb
  const runtime::catalog& rows;
  const verb_functions& verbs;
  console text;
};

/// Says why, a line each after "lagrange: ". Returns the exit status.
int refuse(const console& text, std::string_view reasons);

/// Parses the words. Empty when the verb may go on, else the exit status.
std::optional<int> parse(CLI::App& app, const invocation& call);

/// A whole number from 0 to `high`, and nothing else.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t high);
std::optional<runtime::actor_name> parse_name(std::string_view text);

// The verbs.
int act_run(const invocation& call);
int act_simulate(const invocation& call);
int act_replay(const invocation& call);
int act_audit(const invocation& call);
int act_check_policy(const invocation& call);
int act_compare(const invocation& call);
int act_control(const invocation& call);
int act_ps(const invocation& call);
int act_chaos(const invocation& call);
int act_standby(const invocation& call);
int act_node(const invocation& call);

} // namespace lagrange
