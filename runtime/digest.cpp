#include "runtime/digest.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace lagrange::runtime {

sha256_digest sha256(std::span<const std::byte> bytes) {
  sha256_digest digest{};
  unsigned length = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()),
                 &length, EVP_sha256(), nullptr);
  LAGRANGE_EXPECT(done == 1 && length == digest.size(), "OpenSSL has no SHA-256 here");
  return digest;
}

std::string to_hex(const sha256_digest& x) {
  std::string text;
  for (const auto byte : x) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) { return to_hex(sha256(bytes)); }

} // namespace lagrange::runtime
