/// \file
/// One file in LIBSVM's format: a label and INDEX:VALUE fields a line, indices ascending from 1,
/// features that are not named being 0.
/// Paper: Chang and Lin 2011 (LIBSVM).
#pragma once

#include "runtime/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lagrange::runtime {

struct sparse_entry {
  std::int32_t feature; ///< from 0
  float value;
};

struct libsvm_file {
  std::string path;
  std::vector<std::int32_t> labels;  ///< as written
  std::vector<std::size_t> ends;     ///< by row: the first entry of the next one
  std::vector<sparse_entry> entries; ///< of all rows, one after another
  std::int64_t features = 0;         ///< one more than the largest

  std::size_t rows() const { return labels.size(); }
  std::span<const sparse_entry> row(std::size_t index) const {
    const auto first = index == 0 ? 0 : ends[index - 1];
    return std::span(entries).subspan(first, ends[index] - first);
  }
};

/// Reads a whole file. Memory grows with what it holds.
/// Errors: bad_file with the line, what was found, what was expected and what to do.
result<libsvm_file> read_libsvm_file(const std::string& path);

} // namespace lagrange::runtime
