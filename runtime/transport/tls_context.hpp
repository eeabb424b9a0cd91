/// \file
/// What OpenSSL makes of the three files of mutual TLS.
#pragma once

#include "runtime/transport/greeting.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace lagrange::runtime::transport {

struct free_tls_context {
  void operator()(SSL_CTX* x) const { ::SSL_CTX_free(x); }
};
using tls_context = std::unique_ptr<SSL_CTX, free_tls_context>;

/// For either side: TLS 1.3, the peer's certificate demanded and verified, nothing resumed. Every
/// peer is this same program, so older versions and sessions kept for later would only be a risk.
/// Errors: bad_file, naming the file and why.
result<tls_context> make_tls_context(const tls_files& files);

/// What OpenSSL says went wrong in this thread; empties its list of errors.
std::string openssl_reason();

} // namespace lagrange::runtime::transport
