/// \file
/// One greeting as the greeter has it: it can be given up.
///
/// What is said, each message of a fixed size:
///
///     caller                                   host
///     version, TLS or not, its number, knock ->
///                                              (closes without a word unless the knock is right)
///                                           <- its number
///     proof over both numbers               ->
///                                              (closes without a word unless it is right)
///                                           <- proof over both numbers
///     ... TLS, if any, both with certificates; then once more, over the session's key too:
///                                           <- proof
///     proof                                 ->
///
/// The knock is a keyed hash of the caller's own number. Nobody can make one without the token, so
/// to everybody else the host is mute: not even a random number, nor its certificate, goes out. A
/// recorded knock draws one random number and no more. The caller cannot be mute, but all it gives
/// away are hashes under 256 random bits.
///
/// The token is first and TLS second, so that strangers never reach OpenSSL's parsers; then both
/// prove again, over what only the two ends of this session know, or somebody with a certificate
/// could sit between two who know the token. There the host begins: a TLS 1.3 caller hears that its
/// certificate was refused only when it listens.
#pragma once

#include "runtime/transport/greeting.hpp"
#include "runtime/transport/patience.hpp"

namespace lagrange::runtime::transport {

/// Bytes of the caller's first message; the host says nothing before it has them all.
constexpr std::size_t knock_bytes = 8 + 32 + 32;
/// The first of them tell a caller of this version from any other program.
constexpr std::size_t knock_head_bytes = 8;
bool is_knock_head(std::span<const std::byte, knock_head_bytes> bytes);

/// Errors: those of greeting.hpp's greet(), and interrupted.
result<std::unique_ptr<stream>> greet_patiently(descriptor socket, greeting_side side,
                                                const security& with, const patience& until);

} // namespace lagrange::runtime::transport
