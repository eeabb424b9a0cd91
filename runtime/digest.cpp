#include "runtime/digest.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

namespace lagrange::runtime {

namespace {

void expect(bool is_done) { LAGRANGE_EXPECT(is_done, "OpenSSL has no SHA-256 here"); }

using owned_context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

owned_context new_context() { return {EVP_MD_CTX_new(), &EVP_MD_CTX_free}; }

} // namespace

struct sha256_stream::context {
  owned_context of = new_context();
};

sha256_stream::sha256_stream() : context_(new context, [](context* x) { delete x; }) {
  expect(context_->of && EVP_DigestInit_ex(context_->of.get(), EVP_sha256(), nullptr) == 1);
}

void sha256_stream::add(std::span<const std::byte> bytes) {
  expect(EVP_DigestUpdate(context_->of.get(), bytes.data(), bytes.size()) == 1);
}

sha256_digest sha256_stream::digest() const {
  sha256_digest made{};
  unsigned length = 0;
  const auto copy = new_context();
  expect(copy && EVP_MD_CTX_copy_ex(copy.get(), context_->of.get()) == 1 &&
         EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(made.data()), &length) ==
             1 &&
         length == made.size());
  return made;
}

sha256_digest sha256(std::span<const std::byte> bytes) { return sha256(std::span(&bytes, 1)); }

sha256_digest sha256(std::span<const std::span<const std::byte>> pieces) {
  sha256_stream stream;
  for (const auto& piece : pieces) stream.add(piece);
  return stream.digest();
}

std::string to_hex(const sha256_digest& x) {
  std::string text;
  for (const auto byte : x) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

std::string sha256_hex(std::span<const std::byte> bytes) { return to_hex(sha256(bytes)); }

} // namespace lagrange::runtime
