/// \file
/// SHA-256, by which parameters and texts are known to be the same.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace lagrange::runtime {

using sha256_digest = std::array<std::byte, 32>;

sha256_digest sha256(std::span<const std::byte> bytes);
/// Of pieces one after another.
sha256_digest sha256(std::span<const std::span<const std::byte>> pieces);

/// Of bytes that come bit by bit.
class sha256_stream {
public:
  sha256_stream();
  void add(std::span<const std::byte> bytes);
  /// Of all that was added so far; more may follow.
  sha256_digest digest() const;

private:
  struct context;
  std::unique_ptr<context, void (*)(context*)> context_;
};

/// In 64 hexadecimal digits.
std::string to_hex(const sha256_digest& x);
std::string sha256_hex(std::span<const std::byte> bytes);

} // namespace lagrange::runtime
