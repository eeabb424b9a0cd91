#include "runtime/transport/tls_stream.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <poll.h>

#include <mutex>

namespace lagrange::runtime::transport {

namespace {

struct free_ssl {
  void operator()(SSL* x) const { ::SSL_free(x); }
};

// OpenSSL's own sockets raise SIGPIPE when the peer is gone. Instead it reads and writes through
// the stream below.
int read_below(BIO* bio, char* to, int size) {
  auto& below = *static_cast<stream*>(::BIO_get_data(bio));
  ::BIO_clear_retry_flags(bio);
  const auto came =
      below.read(std::as_writable_bytes(std::span(to, static_cast<std::size_t>(size))));
  if (came.what == transfer::state::moved) return static_cast<int>(came.bytes);
  if (came.what == transfer::state::would_block) ::BIO_set_retry_read(bio);
  return came.what == transfer::state::closed ? 0 : -1;
}

int write_below(BIO* bio, const char* from, int size) {
  auto& below = *static_cast<stream*>(::BIO_get_data(bio));
  ::BIO_clear_retry_flags(bio);
  const iovec bytes{const_cast<char*>(from), static_cast<std::size_t>(size)};
  const auto sent = below.write(std::span(&bytes, 1));
  if (sent.what == transfer::state::moved) return static_cast<int>(sent.bytes);
  if (sent.what == transfer::state::would_block) ::BIO_set_retry_write(bio);
  return -1;
}

long control_below(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* below_method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* method =
        ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lagrange stream");
    if (method == nullptr) throw ops::device_error("OpenSSL has no memory for TLS");
    ::BIO_meth_set_read(method, read_below);
    ::BIO_meth_set_write(method, write_below);
    ::BIO_meth_set_ctrl(method, control_below);
    return method;
  }();
  return made;
}

class tls_stream final : public stream {
public:
  tls_stream(std::unique_ptr<stream> below, SSL_CTX* context, greeting_side side)
      : below_(std::move(below)), ssl_(::SSL_new(context)) {
    BIO* bio = ssl_ ? ::BIO_new(below_method()) : nullptr;
    if (bio == nullptr) throw ops::device_error("OpenSSL has no memory for a session");
    ::BIO_set_data(bio, below_.get());
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(ssl_.get(), bio, bio);
    // Larger pieces than a record, so that a record does not cost two calls of the kernel.
    ::SSL_set_default_read_buffer_len(ssl_.get(), read_ahead_bytes);
    ::SSL_set_read_ahead(ssl_.get(), 1);
    side == greeting_side::caller ? ::SSL_set_connect_state(ssl_.get())
                                  : ::SSL_set_accept_state(ssl_.get());
  }

  ~tls_stream() override {
    // Tells the peer that this end is meant; it is not waited for.
    if (!is_broken_ && ::SSL_is_init_finished(ssl_.get())) ::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
  }

  int pollable() const override { return below_->pollable(); }

  transfer read(std::span<std::byte> to) override {
    const std::lock_guard lock(mutex_);
    transfer all{transfer::state::would_block, 0, {}};
    while (all.bytes < to.size()) {
      std::size_t count = 0;
      ::ERR_clear_error();
      const auto rest = to.subspan(all.bytes);
      if (const int status = ::SSL_read_ex(ssl_.get(), rest.data(), rest.size(), &count);
          status != 1) {
        is_drained_ = true; // whatever is held is no whole record
        return all.bytes > 0 ? all : stopped(status);
      }
      all.what = transfer::state::moved;
      all.bytes += count;
    }
    is_drained_ = false;
    return all;
  }

  transfer write(std::span<const iovec> from) override {
    const std::lock_guard lock(mutex_);
    transfer all{transfer::state::would_block, 0, {}};
    for (const auto& [base, size] : from) {
      for (std::size_t done = 0; done < size;) {
        std::size_t count = 0;
        ::ERR_clear_error();
        const auto* rest = static_cast<const char*>(base) + done;
        if (const int status = ::SSL_write_ex(ssl_.get(), rest, size - done, &count); status != 1)
          return all.bytes > 0 ? all : stopped(status);
        all.what = transfer::state::moved;
        all.bytes += count;
        done += count;
      }
    }
    return all;
  }

  bool has_pending() const override {
    const std::lock_guard lock(mutex_);
    return !is_drained_ && ::SSL_has_pending(ssl_.get()) == 1;
  }

  result<void> shake_hands(const patience& with) {
    for (;;) {
      ::ERR_clear_error();
      const int status = ::SSL_do_handshake(ssl_.get());
      if (status == 1) return success();
      const int wanted = ::SSL_get_error(ssl_.get(), status);
      if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
        BOOST_OUTCOME_TRY(with.wait(pollable(), wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT));
        continue;
      }
      const auto why = stopped(status).why;
      return failure(why.code, why.text);
    }
  }

  std::array<std::byte, 32> session_key() {
    constexpr std::string_view label = "EXPORTER-lagrange-greeting";
    std::array<std::byte, 32> key{};
    if (::SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(key.data()),
                                     key.size(), label.data(), label.size(), nullptr, 0, 0) != 1)
      throw ops::device_error("TLS exports no key: " + openssl_reason());
    return key;
  }

private:
  static constexpr std::size_t read_ahead_bytes = 64 << 10;

  transfer stopped(int status) {
    const int wanted = ::SSL_get_error(ssl_.get(), status);
    if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE)
      return {transfer::state::would_block, 0, {}};
    if (wanted == SSL_ERROR_ZERO_RETURN) return {transfer::state::closed, 0, {}};
    is_broken_ = true;
    const auto verified = ::SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK)
      return failed(errc::fenced, fmt::format("the peer's certificate is refused: {}",
                                              ::X509_verify_cert_error_string(verified)));
    if (wanted == SSL_ERROR_SSL && ERR_GET_LIB(::ERR_peek_error()) == ERR_LIB_SSL &&
        ERR_GET_REASON(::ERR_peek_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
      return failed(errc::fenced, "no TLS with the peer: " + openssl_reason());
    return failed(errc::peer_gone, "the peer's connection ended within TLS");
  }

  static transfer failed(errc code, std::string text) {
    ::ERR_clear_error();
    return {transfer::state::failed, 0, {code, std::move(text)}};
  }

  std::unique_ptr<stream> below_; // before what reads and writes through it
  mutable std::mutex mutex_;      ///< a session is for one thread at a time
  std::unique_ptr<SSL, free_ssl> ssl_;
  bool is_drained_ = true;
  bool is_broken_ = false;
};

} // namespace

result<tls_session> start_tls(std::unique_ptr<stream> below, greeting_side side,
                              const tls_files& files, const patience& with) {
  BOOST_OUTCOME_TRY(context, make_tls_context(files));
  auto made = std::make_unique<tls_stream>(std::move(below), context.get(), side);
  BOOST_OUTCOME_TRY(made->shake_hands(with));
  const auto key = made->session_key();
  return tls_session{std::move(made), key};
}

} // namespace lagrange::runtime::transport
