#include "runtime/transport/tls_context.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace lagrange::runtime::transport {

namespace {

auto refuse(const std::filesystem::path& file, std::string_view why) {
  return failure(errc::bad_file, fmt::format("{}: {}", file.string(), why));
}

result<void> check_readable(const std::filesystem::path& file, std::string_view what) {
  if (file.empty())
    return failure(errc::bad_file, fmt::format("TLS needs a certificate, its key and the authority "
                                               "that signs them all, but no file is named for {}",
                                               what));
  if (::access(file.c_str(), R_OK) != 0)
    return refuse(file, fmt::format("{}, expected {} as PEM", std::strerror(errno), what));
  return success();
}

/// Nobody sits at the terminal of a node: a key under a password is refused, not asked about.
int no_password(char*, int, int, void*) { return -1; }

struct free_store_context {
  void operator()(X509_STORE_CTX* x) const { ::X509_STORE_CTX_free(x); }
};

/// What a peer will check: that the authority has signed the certificate and it is valid today.
std::string find_defect(SSL_CTX* context) {
  const std::unique_ptr<X509_STORE_CTX, free_store_context> check(::X509_STORE_CTX_new());
  STACK_OF(X509)* between = nullptr;
  ::SSL_CTX_get_extra_chain_certs(context, &between);
  if (!check || ::X509_STORE_CTX_init(check.get(), ::SSL_CTX_get_cert_store(context),
                                      ::SSL_CTX_get0_certificate(context), between) != 1)
    throw ops::device_error("OpenSSL has no memory to check a certificate");
  if (::X509_verify_cert(check.get()) == 1) return {};
  return ::X509_verify_cert_error_string(::X509_STORE_CTX_get_error(check.get()));
}

} // namespace

std::string openssl_reason() {
  const auto code = ::ERR_peek_error(); // the first one is the cause
  const char* reason = ::ERR_reason_error_string(code);
  std::string text = reason ? reason : "no reason given";
  ::ERR_clear_error();
  return text;
}

result<tls_context> make_tls_context(const tls_files& files) {
  BOOST_OUTCOME_TRY(check_readable(files.certificate, "the certificate"));
  BOOST_OUTCOME_TRY(check_readable(files.key, "the certificate's key"));
  BOOST_OUTCOME_TRY(check_readable(files.authority, "the authority's certificate"));
  ::ERR_clear_error();
  tls_context made(::SSL_CTX_new(::TLS_method()));
  if (!made || ::SSL_CTX_set_min_proto_version(made.get(), TLS1_3_VERSION) != 1)
    throw ops::device_error("OpenSSL has no TLS 1.3: " + openssl_reason());
  auto* context = made.get();
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context, 0);
  // A large write may end early, and go on from wherever the caller keeps the rest.
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_default_passwd_cb(context, no_password);
  if (::SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return refuse(files.certificate, "no certificate as PEM: " + openssl_reason());
  if (::SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(context) != 1)
    return refuse(files.key, fmt::format("not the key of {}, as PEM without a password: {}",
                                         files.certificate.string(), openssl_reason()));
  if (::SSL_CTX_load_verify_file(context, files.authority.c_str()) != 1)
    return refuse(files.authority, "no authority's certificate as PEM: " + openssl_reason());
  return made;
}

result<void> check_tls(const tls_files& files) {
  BOOST_OUTCOME_TRY(context, make_tls_context(files));
  if (const auto defect = find_defect(context.get()); !defect.empty())
    return refuse(files.certificate, fmt::format("peers that trust {} would refuse it: {}",
                                                 files.authority.string(), defect));
  return success();
}

} // namespace lagrange::runtime::transport
