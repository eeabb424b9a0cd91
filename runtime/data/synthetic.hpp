/// \file
/// Samples made on the spot: what their kinds share. To add one, write a file like
/// synthetic_blobs.cpp and a row in synthetic.cpp's table.
#pragma once

#include "runtime/data/dataset.hpp"

#include <string>
#include <vector>

namespace lagrange::runtime {

/// Random bits that depend on nothing but the arguments.
std::uint64_t draw_bits(std::uint64_t stream, std::uint64_t index);
/// The stream that a split has for itself. What both share is drawn from the others.
constexpr std::uint64_t stream_of(data_split split) { return split == data_split::train ? 1 : 2; }

/// What was written behind KIND, split at its colons.
struct synthetic_order {
  std::string spec; ///< as a whole, for errors
  std::vector<std::string> arguments;
  data_split split;

  /// SAMPLES of the training split as samples of this one.
  std::size_t samples_of_split(std::uint64_t samples) const {
    return split == data_split::train ? samples : (samples + 3) / 4;
  }
};

/// Errors: bad_argument. Requires: as many arguments as the kind's row says.
result<std::unique_ptr<dataset>> make_blobs(const synthetic_order& order);
result<std::unique_ptr<dataset>> make_zipf_pairs(const synthetic_order& order);

} // namespace lagrange::runtime
