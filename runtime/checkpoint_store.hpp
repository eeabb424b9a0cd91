/// \file
/// The checkpoints of a run on its disk: a folder for each cut, with a part for each actor and,
/// once all of them are there, a manifest. A cut without a readable manifest, or whose parts are
/// not what it says, is not whole, and is passed over.
///
/// Invariant: DU-1. A kill or a power cut at any step leaves every cut that was whole before as it
/// was, until a newer one is whole: parts and manifest are written by write_atomically(), the
/// manifest last; a cut is removed from its manifest on. Numbers are not used twice: a writer that
/// was stopped in an earlier term and wakes can spoil no newer cut.
#pragma once

#include "runtime/checkpoint_part.hpp"
#include "runtime/cut_manifest.hpp"
#include "runtime/file_system.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Cuts that stay: the newest so many, those that are younger than a time, and what these build on.
struct retention {
  std::uint32_t newest = 3; ///< at least 1
  std::chrono::milliseconds younger_than{0};
};

/// The newest whole cut, and why newer ones are not.
struct found_cut {
  std::optional<cut_manifest> newest; ///< none: the run has none
  std::vector<error> passed_over;
};

class checkpoint_store {
public:
  /// `folder` is as in RUN/checkpoints, and is made with the first cut. Requires: a disk that
  /// outlives it.
  checkpoint_store(file_system& disk, std::filesystem::path folder);

  static std::string file_of(shard_id shard);   ///< as in "shard-0.part"
  static std::string file_of(worker_id worker); ///< as in "worker-0.part"
  std::filesystem::path folder_of(cut_number cut) const;

  /// A part is on the disk when this returns. On an error nothing of it is left.
  /// Requires: one writer of a part at a time. Errors: bad_file.
  result<cut_manifest::part> write(const shard_state& x);
  result<cut_manifest::part> write(const residual_state& x);
  /// From here on the cut is whole. Requires: its parts were written.
  result<void> write(const cut_manifest& x);

  /// Of every folder there, ascending, whole or not.
  result<std::vector<cut_number>> cuts() const;
  /// No cut of the run has this number yet, whole or not.
  result<cut_number> next_number() const;
  result<cut_manifest> read_manifest(cut_number cut) const;
  /// Whether the parts are what the manifest says, and those that they build on. Cost: reads them.
  result<void> check(const cut_manifest& x) const;
  /// Cost: reads the parts of the newest one.
  result<found_cut> newest_whole() const;

  /// With the rows that are in the parts that it builds on.
  result<shard_state> read(const cut_manifest& x, shard_id shard) const;
  result<residual_state> read(const cut_manifest& x, worker_id worker) const;

  /// Removes what is older than the newest whole cut and need not stay, and gives its numbers. What
  /// is newer may still be being written.
  result<std::vector<cut_number>> prune(const retention& stays, std::chrono::sys_seconds now);
  /// Removes a cut, whole or not.
  result<void> remove(cut_number cut);

private:
  std::filesystem::path path_of(cut_number cut, const std::string& file) const;
  /// Writes what `content(sink)` gives.
  template <class Content>
  result<cut_manifest::part> put(cut_number cut, const std::string& file, const Content& content);
  result<void> make_folders(cut_number cut);
  result<void> check(cut_number cut, const cut_manifest::part& part) const;
  /// The manifest of a part's base, in which the part of the same name is.
  result<cut_manifest> base_of(const cut_manifest::part& part, cut_number cut) const;
  std::set<cut_number> needed_by(const std::vector<cut_manifest>& whole,
                                 std::set<cut_number> kept) const;

  file_system& disk_;
  std::filesystem::path folder_;
};

} // namespace lagrange::runtime
