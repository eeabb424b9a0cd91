/// \file
/// The checkpoint writer's twin: it puts the parts of cuts on the disk, writes a cut down as whole
/// once all of them are there, and removes those that need not stay. It blocks while it writes, so
/// its actor has a thread of its own.
///
/// Invariant: DU-1 (checkpoint_store).
#pragma once

#include "runtime/checkpoint_store.hpp"
#include "runtime/cut_schedule.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace lagrange::runtime {

struct checkpoint_writer_options {
  std::shared_ptr<file_system> disk;
  std::filesystem::path folder; ///< as in RUN/checkpoints
  std::string build;            ///< build_id()
  retention stays;
};

class checkpoint_writer {
public:
  explicit checkpoint_writer(checkpoint_writer_options options);

  /// What to tell the supervisor: the part is on the disk, or why it is not.
  part_report write(const stamp& from, const shard_state& state);
  part_report write(const stamp& from, const residual_state& state);
  /// Writes down that the cut is whole, and removes others. Why it cannot be; empty: it is.
  std::string write(const whole_cut& what, std::chrono::sys_seconds now);

private:
  checkpoint_writer_options options_;
  checkpoint_store store_;
};

} // namespace lagrange::runtime
