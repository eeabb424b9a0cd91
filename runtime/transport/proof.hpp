/// \file
/// What the two sides of a greeting say to each other, and how a keyed hash of it proves the token.
///
/// No two proofs are interchangeable: each covers what it is for, both sides' random numbers (so a
/// recorded one is worth nothing), and under TLS the session's own key (so one that was made for
/// another session is worth nothing). A side never accepts what it could have sent itself.
#pragma once

#include "runtime/transport/greeting.hpp"

namespace lagrange::runtime::transport {

using nonce = std::array<std::byte, 32>;
using proof = std::array<std::byte, 32>;

/// What a proof is for.
enum class purpose : std::uint8_t {
  knock = 1,        ///< caller: opens the greeting; covers its own number alone
  caller_knows,     ///< caller: answers the host's number
  host_knows,       ///< host: answers the caller's
  caller_encrypted, ///< the same two again, inside TLS
  host_encrypted,
};

/// All that both sides must agree on. What is not known yet is zero.
struct transcript {
  bool uses_tls = false;
  nonce caller{};
  nonce host{};
  std::array<std::byte, 32> session{}; ///< keying material that TLS exports
};

/// HMAC-SHA256 under the token.
proof prove(const job_token& token, purpose what, const transcript& about);

/// Compares in a time that does not depend on the bytes.
bool is_proof(const proof& found, const job_token& token, purpose what, const transcript& about);

/// From the machine's generator. Errors: throws device_error.
void draw(std::span<std::byte> bytes);

} // namespace lagrange::runtime::transport
