/// \file
/// The nodes that a supervisor has left: every launch is a line in the run's nodes.log, so that
/// whoever takes the run next knows which processes there are, and which lives there have been.
///
/// Invariants: EN-1 (none of them is forgotten), and no life of a run has two actors.
#pragma once

#include "runtime/ids.hpp"
#include "runtime/job.hpp"
#include "runtime/transport/greeting.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

/// Of the last term that the run has had.
struct left_nodes {
  struct node {
    runtime::actor_life who; ///< as it was started
    pid_t pid = 0;
    bool operator==(const node&) const = default;
  };
  runtime::supervisor_term term;
  std::vector<node> living;                                  ///< processes that are still there
  std::map<runtime::actor_name, runtime::incarnation> lives; ///< the highest that was started
  std::optional<runtime::transport::job_token> token;        ///< that the living ones know
  bool is_switched = false; ///< its policy was, or was to be: what became of that is not known
};

/// The line for a node that was started. Errors: bad_file.
runtime::result<void> note_launch(const std::filesystem::path& run, runtime::supervisor_term term,
                                  const left_nodes::node& node);

/// The same for a switch of the policy that is about to be ordered in that term.
runtime::result<void> note_switch(const std::filesystem::path& run, runtime::supervisor_term term);

/// Looks at the process table. A number that belongs to somebody else by now is none.
left_nodes find_left_nodes(const std::filesystem::path& run);
/// Whether this process is the node of that name in that run.
bool is_node_in(pid_t process, const std::filesystem::path& run, const runtime::actor_name& name);

/// Why a supervisor with this config cannot go on with them as they are; empty: it can.
std::string no_adoption_because(const left_nodes& left, const std::filesystem::path& run,
                                const runtime::job& what, const std::string& job_text);

/// Kills them and waits for their ends. False: some are still there after `patience`.
bool end_left_nodes(const left_nodes& left, const std::filesystem::path& run,
                    std::chrono::milliseconds patience);

} // namespace lagrange::apps
