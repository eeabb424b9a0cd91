#include "runtime/transport/proof.hpp"

#include "ops/contract.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace lagrange::runtime::transport {

namespace {

/// What is hashed. Every part has a fixed size, so no two transcripts make the same bytes.
struct covered_bytes {
  /// Keeps these hashes apart from all others under the same token, and from other versions.
  std::array<char, 30> domain{"lagrange greeting, version 1"};
  purpose what;
  bool uses_tls;
  nonce caller, host;
  std::array<std::byte, 32> session;
};
static_assert(sizeof(covered_bytes) == 32 + 3 * 32, "nothing but these bytes is hashed");

} // namespace

proof prove(const job_token& token, purpose what, const transcript& about) {
  const covered_bytes covered{.what = what,
                              .uses_tls = about.uses_tls,
                              .caller = about.caller,
                              .host = about.host,
                              .session = about.session};
  proof made{};
  unsigned size = made.size();
  const auto* hashed = ::HMAC(::EVP_sha256(), token.data(), static_cast<int>(token.size()),
                              reinterpret_cast<const unsigned char*>(&covered), sizeof covered,
                              reinterpret_cast<unsigned char*>(made.data()), &size);
  if (hashed == nullptr) throw ops::device_error("OpenSSL cannot compute HMAC-SHA256");
  return made;
}

bool is_proof(const proof& found, const job_token& token, purpose what, const transcript& about) {
  const auto expected = prove(token, what, about);
  return ::CRYPTO_memcmp(found.data(), expected.data(), expected.size()) == 0;
}

void draw(std::span<std::byte> bytes) {
  auto* to = reinterpret_cast<unsigned char*>(bytes.data());
  if (::RAND_bytes(to, static_cast<int>(bytes.size())) != 1)
    throw ops::device_error("the machine has no random numbers for a greeting");
}

} // namespace lagrange::runtime::transport
