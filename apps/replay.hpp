/// \file
/// The verbs `replay` and `audit`: what the command line asks for, and the functions that do it.
#pragma once

#include "runtime/catalog.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace lagrange {

struct replay_order {
  std::string run;                      ///< its folder
  std::optional<std::uint64_t> until;   ///< update, of every shard
  std::optional<std::uint32_t> without; ///< worker
  bool is_json = false;
  const runtime::catalog* catalog = nullptr;
};

/// Recomputes a recorded run. Returns the exit status: 0 the same bits, or another history was
/// computed as asked; 1 something differs; 2 refused.
int replay_run(const replay_order& order);

struct audit_order {
  std::string run; ///< its folder
  bool is_json = false;
  const runtime::catalog* catalog = nullptr;
};

/// Proves that a run used every sample as it should. Returns the exit status: 0 it did, 1 it did
/// not, 2 refused.
int audit_run(const audit_order& order);

} // namespace lagrange
