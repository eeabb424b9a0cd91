/// \file
/// Ascending positions as bits: the gap to the one before, in a Rice code whose parameter follows
/// from how many of how many are named. A position of one in a hundred takes 8.1 bits when they
/// are evenly spread, where entropy is 8.08, and never more than 8.6.
///
/// Paper: Golomb 1966; Rice 1979; the parameter as in Kiely, IPN Progress Report 42-159, 2004.
#pragma once

#include "runtime/error.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace lagrange::runtime {

/// Units: bytes that write_positions() never exceeds for `count` of `elements` positions.
std::size_t positions_bytes_max(std::size_t count, std::size_t elements);

/// Returns: bytes written. Requires: ascending positions below `elements`, all different, and
/// positions_bytes_max(positions.size(), elements) bytes in `out`.
std::size_t write_positions(std::span<const std::uint32_t> positions, std::size_t elements,
                            std::span<std::byte> out);

/// Reads positions.size() positions from the front of `in`. They are ascending, all different and
/// below `elements`, whatever `in` holds. Returns: bytes read. Errors: bad_frame.
result<std::size_t> read_positions(std::span<const std::byte> in, std::size_t elements,
                                   std::span<std::uint32_t> positions);

} // namespace lagrange::runtime
