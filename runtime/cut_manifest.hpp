/// \file
/// What a whole cut of a job is made of, as a small file beside its parts: written last, so a cut
/// that has one is whole, if its parts are what the file says.
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// Raised with every change that an older reader would misread. Other versions are refused.
constexpr std::uint32_t manifest_version = 1;

struct cut_manifest {
  /// What an actor wrote.
  struct part {
    std::string file; ///< its name, in the folder of the cut
    std::uint64_t bytes = 0;
    std::string sha256;        ///< of the file, 64 hexadecimal digits
    shard_version version;     ///< of a shard
    std::uint64_t records = 0; ///< of a shard: in the journal of its term
    cut_number base; ///< whose file of this name has the rows that are not in this; 0: all are
    bool operator==(const part&) const = default;
  };

  std::string build; ///< id of the program that wrote it
  job_id job;
  supervisor_term term;
  cut_number cut;
  std::chrono::sys_seconds time; ///< when it was whole
  std::vector<actor_life> lives; ///< the highest of each actor
  std::vector<part> parts;

  /// Null: there is none of that name.
  const part* find(std::string_view file) const;
  bool operator==(const cut_manifest&) const = default;
};

/// JSON, with a SHA-256 of all else in it.
std::string to_json(const cut_manifest& x);

/// Errors: bad_file, naming the `place`, what was found and expected, and what to do.
result<cut_manifest> parse_manifest(std::string_view text, const std::string& place);

} // namespace lagrange::runtime
