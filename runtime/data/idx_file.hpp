/// \file
/// One IDX file: a magic number that says element type and rank, the extents, the elements; gzipped
/// or not. Only bytes (u8) are read, which is what MNIST's kind holds.
#pragma once

#include "runtime/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct idx_file {
  std::vector<std::uint32_t> extents; ///< outermost first, none zero
  std::vector<std::uint8_t> elements;
};

/// Reads a whole file of the given rank. Memory grows with what the file holds, whatever its header
/// promises.
/// Errors: bad_file, naming the file, what was found, what was expected and what to do.
result<idx_file> read_idx_file(const std::string& path, unsigned rank);

} // namespace lagrange::runtime
