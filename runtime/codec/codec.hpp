/// \file
/// Codecs: how numbers are written into frames. The table that the config and `lagrange list
/// codecs` read. A codec that loses nothing and does nothing is the only one so far, so a row has
/// no maker: tensors travel as they are.
#pragma once

#include <span>
#include <string_view>

namespace lagrange::runtime {

/// One row of the table.
struct codec_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them; empty: none
  std::string_view help;
};

/// The codecs that come with lagrange.
std::span<const codec_row> codecs();

} // namespace lagrange::runtime
