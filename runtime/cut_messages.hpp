/// \file
/// How a cut is ordered and its parts are told of, as control messages. The supervisor has the
/// feeder draw the line; what crosses it is seen from the cut numbers in the messages of a step.
#pragma once

#include "runtime/messages.hpp"

#include <cstdint>
#include <string>

namespace lagrange::runtime {

/// To the feeder: leases dealt from now on are of this cut's far side. To a worker that computes
/// nothing, and at the end of a job to a shard: make the cut now, unless it is made.
struct cut_order {
  stamp from;
  cut_number cut; ///< from 1
};

/// An actor's part of a cut is on the disk, or cannot be.
struct part_report {
  stamp from;
  cut_number cut;
  std::string file;          ///< its name in the folder of the cut
  std::uint64_t bytes = 0;   ///< of the file
  std::string sha256;        ///< of the file, 64 hexadecimal digits
  shard_version version;     ///< of a shard
  std::uint64_t records = 0; ///< of a shard: in the journal of its term
  cut_number base;           ///< of a shard: whose file of this name has the rest of its rows
  std::string failure;       ///< not empty: why there is none, as in "no space left on the disk"
};

template <class Inspector>
auto inspect(Inspector& f, cut_order& x) {
  return f(x.from, x.cut);
}
template <class Inspector>
auto inspect(Inspector& f, part_report& x) {
  return f(x.from, x.cut, x.file, x.bytes, x.sha256, x.version, x.records, x.base, x.failure);
}

} // namespace lagrange::runtime
