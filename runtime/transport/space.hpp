/// \file
/// Who has which part of a region: an allocator that deals offsets and never touches the memory.
/// Freed blocks are used again last in, first out; when no block fits, free neighbours are merged.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace lagrange::runtime::transport {

class space {
public:
  explicit space(std::uint64_t bytes) { parts_.emplace(0, bytes); }
  /// An offset, a multiple of 64; none if no such room is left.
  std::optional<std::uint64_t> take(std::uint64_t bytes);
  /// Requires: take(bytes) gave the offset.
  void give(std::uint64_t offset, std::uint64_t bytes);

private:
  std::optional<std::uint64_t> carve(std::uint64_t bytes);
  void merge();

  std::map<std::uint64_t, std::vector<std::uint64_t>> freed_; ///< size -> offsets
  std::map<std::uint64_t, std::uint64_t> parts_;              ///< offset -> bytes, never adjacent
};

} // namespace lagrange::runtime::transport
