/// \file
/// From words to work: reads the command line, refuses what cannot be, and calls the verb.
#pragma once

#include "apps/compare.hpp"
#include "apps/control.hpp"
#include "apps/join.hpp"
#include "apps/node.hpp"
#include "apps/ps.hpp"
#include "apps/replay.hpp"
#include "apps/run.hpp"
#include "apps/simulate.hpp"
#include "apps/standby.hpp"
#include "apps/storm.hpp"

#include <functional>
#include <ostream>
#include <span>
#include <string>

namespace lagrange {

/// What the verbs do, once their options are known. Tests put their own in.
struct verb_functions {
  std::function<int(const run_options&)> run;
  std::function<int(const node_options&)> node;
  std::function<int(const replay_order&)> replay;
  std::function<int(const audit_order&)> audit;
  std::function<int(const compare_order&)> compare;
  std::function<int(const simulate_order&)> simulate;
  std::function<int(const control_request&)> control;
  std::function<int(const ps_order&)> ps = {};
  std::function<int(const storm_order&)> chaos = {};
  std::function<int(const join_options&)> join = {};
  std::function<int(const standby_order&)> standby = {};
};

/// Where text goes: `out` what was asked for (help, lists, the config), `err` refusals.
struct console {
  std::ostream& out;
  std::ostream& err;
};

/// Does what `words` (the arguments after the program's name) say. Returns the exit status; 2 when
/// something was refused, with the reasons on console.err, one a line, each after "lagrange: ".
int command_line(std::span<const std::string> words, const runtime::catalog& rows,
                 const verb_functions& verbs, console text);

} // namespace lagrange
