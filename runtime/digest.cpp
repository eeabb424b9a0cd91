#include "runtime/digest.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

namespace lagrange::runtime {

sha256_digest sha256(std::span<const std::byte> bytes) { return sha256(std::span(&bytes, 1)); }

sha256_digest sha256(std::span<const std::span<const std::byte>> pieces) {
  sha256_digest digest{};
  unsigned length = 0;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  bool is_done = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const auto& piece : pieces)
    is_done = is_done && EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  is_done =
      is_done && EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                    &length) == 1;
  LAGRANGE_EXPECT(is_done && length == digest.size(), "OpenSSL has no SHA-256 here");
  return digest;
}

std::string to_hex(const sha256_digest& x) {
  std::string text;
  for (const auto byte : x) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) { return to_hex(sha256(bytes)); }

} // namespace lagrange::runtime
