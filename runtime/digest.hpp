/// \file
/// SHA-256, by which parameters and texts are known to be the same.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace lagrange::runtime {

using sha256_digest = std::array<std::byte, 32>;

sha256_digest sha256(std::span<const std::byte> bytes);
/// Of pieces one after another.
sha256_digest sha256(std::span<const std::span<const std::byte>> pieces);

/// In 64 hexadecimal digits.
std::string to_hex(const sha256_digest& x);
std::string sha256_hex(std::span<const std::byte> bytes);

} // namespace lagrange::runtime
