/// \file
/// What the supervisor's twin wants done, and where its job stands.
#pragma once

#include "runtime/cut_schedule.hpp"
#include "runtime/messages.hpp"
#include "runtime/switch_messages.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lagrange::runtime {

enum class job_phase : std::uint8_t {
  adopting = 0, ///< nodes that another supervisor has left return
  starting,
  running,
  collecting, ///< every lease is closed; the shards' last figures and parameters are on their way
  ending,     ///< the nodes are told to end
  ended,
};

enum class job_outcome : std::uint8_t { done = 0, failed, interrupted };

/// Why a term is over before its time.
struct term_fall {
  actor_name who;
  std::string cause; ///< completes a sentence, as in "was killed (signal 9)"
};

/// What a supervisor wants done, in this order.
struct supervisor_effects {
  std::vector<std::string> events;  ///< what happened, in plain words
  std::vector<actor_life> launches; ///< start a node for each
  std::vector<actor_life> kills;    ///< end whatever is left of these lives
  std::vector<std::pair<actor_life, actor_life>> promotions; ///< a replica, and what it is now
  std::vector<actor_life> found;       ///< replicas that are up, for their shards to fill
  std::vector<actor_life> gone;        ///< replicas that are not promoted, for their shards
  std::vector<actor_life> farewells;   ///< workers whose nodes are to end in order
  std::vector<actor_life> placements;  ///< its node has joined and what it connects to is up
  std::optional<membership_view> view; ///< for the feeder and every shard
  std::optional<switch_order> order;   ///< for the feeder or every shard, as its phase says
  std::optional<cut_order> cut;        ///< for the feeder
  std::optional<whole_cut> whole;      ///< to be written down as such
  bool wants_evaluation = false;
  bool wants_figures = false; ///< ask feeder and shards for their last reports and parameters
  bool wants_nodes_ended = false;
};

} // namespace lagrange::runtime
