/// \file
/// The first thing said on a link once both sides know each other: which protocol is spoken, and
/// how much credit is granted.
#pragma once

#include "runtime/transport/patience.hpp"
#include "runtime/transport/record.hpp"

namespace lagrange::runtime::transport {

/// The record that says it.
record make_hello(std::uint64_t credit_bytes);

/// Whether it is one, of our version, that grants at least as much credit as we grant: then no
/// frame that our own options allow can break what the peer enforces.
/// Errors: bad_frame, naming both.
result<void> check_hello(std::span<const std::byte, record_bytes> came, std::uint64_t credit_bytes);

/// Says and hears it. Errors: bad_frame, peer_gone, timed_out, interrupted.
result<void> say_hello(stream& with, std::uint64_t credit_bytes, const patience& until);

} // namespace lagrange::runtime::transport
