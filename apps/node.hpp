/// \file
/// The verb `node`: a process that hosts one actor of a job. The supervisor starts it.
#pragma once

#include "runtime/adoption.hpp"
#include "runtime/catalog.hpp"
#include "runtime/ids.hpp"
#include "runtime/transport/greeting.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace lagrange {

struct node_options {
  runtime::actor_name name; ///< what it hosts
  runtime::incarnation life{1};
  std::string join_host; ///< where its supervisor listens
  std::uint16_t join_port = 0;
  std::string listen = "127.0.0.1"; ///< address that its own actors listen at
  std::int64_t supervisor_pid = 0;  ///< the process whose death ends this one; 0: not on this host
  std::string residual_file; ///< of a worker, kept for its next life; empty: it lasts one life
  std::string journal_file;  ///< of a shard; empty: none is kept
  std::string run; ///< folder that says who commands; empty: the node dies with its supervisor
  runtime::command_number command{1};           ///< of its supervisor
  std::chrono::milliseconds adoption_window{0}; ///< without a supervisor; 0: none
  std::string checkpoints;               ///< folder of the run's cuts; empty: nothing is kept
  runtime::transport::security security; ///< of the job: its token, and TLS
  const runtime::catalog* catalog = nullptr;
};

/// Hosts the actor until its supervisor ends it. Returns the exit status.
int run_node(const node_options& options);

} // namespace lagrange
