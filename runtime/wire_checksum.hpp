/// \file
/// The checksum of frames: CRC-32C, which finds every flip of up to three bits in a frame and every
/// burst of up to 32, and for which processors have an instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lagrange::runtime {

/// CRC-32C (Castagnoli) of the bytes; `before` is that of the bytes before them.
/// Cost: about 15 GB/s with SSE 4.2; a byte at a time without.
std::uint32_t crc32c(std::span<const char> bytes, std::uint32_t before = 0);

/// The same by the portable way, whatever the processor: what the fast way is tested against.
std::uint32_t crc32c_portable(std::span<const char> bytes, std::uint32_t before = 0);

} // namespace lagrange::runtime
