/// \file
/// What a term goes on from, read from a run's checkpoints: which cut, and what each actor held.
///
/// Invariant: DU-1 (the newest cut that is whole counts, and nothing else).
#pragma once

#include "runtime/checkpoint_store.hpp"
#include "runtime/feeder.hpp"
#include "runtime/push_encoder.hpp"
#include "runtime/term_start.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace lagrange::runtime {

/// Where a next term may begin.
struct found_start {
  term_start start;                ///< at the newest whole cut, or the beginning of the job
  cut_number ordered;              ///< the highest number that any cut has had, whole or not
  std::optional<cut_manifest> cut; ///< none: the beginning
  std::vector<error> passed_over;  ///< why newer cuts are not whole
};
/// The lives are those after the manifest's. Cost: reads the parts of the newest whole cut.
result<found_start> find_start(file_system& disk, const std::filesystem::path& checkpoints,
                               std::uint32_t shards);

/// Reads one cut. Errors: bad_file, naming the part and what is wrong with it.
class cut_reader {
public:
  /// Requires: a start of a cut, a disk that outlives it.
  static result<cut_reader> open(file_system& disk, const term_start& from);

  result<std::shared_ptr<const shard_state>> shard(shard_id id) const;
  /// `dealt` and `batches` are as in make_past().
  result<std::shared_ptr<const feeder_past>>
  feeder(const feeder_options& dealt, std::map<lease_id, std::uint32_t> batches) const;
  /// What the worker had not sent, as runtime/residual lays it out; empty: nothing, or it was not
  /// there.
  result<std::vector<std::byte>> unsent(worker_id worker) const;

private:
  cut_reader(checkpoint_store store, cut_manifest manifest)
      : store_(std::move(store)), manifest_(std::move(manifest)) {}

  checkpoint_store store_;
  cut_manifest manifest_;
};

/// What workers had not sent at the start of the term, read when it is asked for. Null: nothing.
/// Errors, when it is asked: throws device_error.
unsent_source unsent_at(std::shared_ptr<file_system> disk, const term_start& start);

} // namespace lagrange::runtime
