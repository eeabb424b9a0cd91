/// \file
/// TLS on top of another stream, both sides with certificates.
#pragma once

#include "runtime/transport/patience.hpp"
#include "runtime/transport/tls_context.hpp"

namespace lagrange::runtime::transport {

struct tls_session {
  std::unique_ptr<stream> inside;
  std::array<std::byte, 32> key{}; ///< keying material that only the two ends of this session have
};

/// Shakes hands over `below`, which it takes. Errors: fenced (no certificate of our authority, or
/// it refused ours), bad_file, peer_gone, timed_out, interrupted.
result<tls_session> start_tls(std::unique_ptr<stream> below, greeting_side side,
                              const tls_files& files, const patience& with);

} // namespace lagrange::runtime::transport
