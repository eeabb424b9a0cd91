/// \file
/// The first thing said on a link once both sides know each other: which protocol is spoken, how
/// much credit is granted, and on which host we run.
#pragma once

#include "runtime/transport/patience.hpp"
#include "runtime/transport/record.hpp"

namespace lagrange::runtime::transport {

/// Names this host's kernel and its network namespace: equal if and only if a Unix socket's name is
/// seen by both, and then what they say to each other never leaves the host. Empty if the kernel
/// does not tell.
std::string host_id();

/// The record that says it.
record make_hello(std::uint64_t credit_bytes);

/// Whether it is one, of our version, that grants at least as much credit as we grant: then no
/// frame that our own options allow can break what the peer enforces.
/// Errors: bad_frame, naming both.
result<record> check_hello(std::span<const std::byte, record_bytes> came,
                           std::uint64_t credit_bytes);

/// Says and hears it. Returns: what the link's checksums have to cover; both sides find the same.
/// Errors: bad_frame, peer_gone, timed_out, interrupted.
result<checksums> say_hello(stream& with, std::uint64_t credit_bytes, const patience& until);

} // namespace lagrange::runtime::transport
