#include "runtime/transport/greet.hpp"

#include "runtime/transport/plain_stream.hpp"
#include "runtime/transport/proof.hpp"
#include "runtime/transport/tls_stream.hpp"

#include <cstring>

namespace lagrange::runtime::transport {

namespace {

/// How the caller's first message begins, as it travels, and all of it.
struct knock_head {
  std::array<char, 6> magic{'l', 'a', 'g', 'r', 'n', 'g'};
  std::uint8_t version = 1;
  std::uint8_t uses_tls = 0;
};
struct knock {
  knock_head head;
  nonce number{};
  proof knows{};
};
static_assert(sizeof(knock_head) == knock_head_bytes && sizeof(knock) == knock_bytes);
static_assert(std::is_trivially_copyable_v<knock>);

bool is_ours(const knock_head& head) {
  const knock_head own;
  return head.magic == own.magic && head.version == own.version;
}

/// A host that refuses a caller says nothing, so the end of the connection is all there is to hear.
const error& refused_by_host() {
  static const error text{errc::fenced,
                          "the host closed the connection during the greeting, as it does when the "
                          "caller has another token, or one of the two uses TLS and the other does "
                          "not: start both with the same token file and TLS settings"};
  return text;
}
const error& left_by_caller() {
  static const error text{errc::peer_gone, "the caller left during the greeting"};
  return text;
}

/// One side of one greeting.
class greeting {
public:
  greeting(descriptor socket, greeting_side side, const security& with, const patience& until)
      : stream_(make_plain_stream(std::move(socket))), side_(side), with_(with), until_(until) {
    said_.uses_tls = with.tls.has_value();
  }

  result<std::unique_ptr<stream>> run() {
    BOOST_OUTCOME_TRY(side_ == greeting_side::caller ? knock_at_host() : answer_knock());
    BOOST_OUTCOME_TRY(side_ == greeting_side::caller
                          ? speak_first(purpose::caller_knows, purpose::host_knows)
                          : listen_first(purpose::caller_knows, purpose::host_knows));
    if (with_.tls) {
      BOOST_OUTCOME_TRY(session, start_tls(std::move(stream_), side_, *with_.tls, until_));
      stream_ = std::move(session.inside);
      said_.session = session.key;
      BOOST_OUTCOME_TRY(side_ == greeting_side::caller
                            ? listen_first(purpose::host_encrypted, purpose::caller_encrypted)
                            : speak_first(purpose::host_encrypted, purpose::caller_encrypted));
    }
    return std::move(stream_);
  }

private:
  result<void> knock_at_host() {
    draw(said_.caller);
    knock made;
    made.head.uses_tls = said_.uses_tls;
    made.number = said_.caller;
    made.knows = prove(with_.token, purpose::knock, said_);
    BOOST_OUTCOME_TRY(send(std::as_bytes(std::span(&made, 1))));
    return receive(said_.host);
  }

  result<void> answer_knock() {
    knock came;
    BOOST_OUTCOME_TRY(receive(std::as_writable_bytes(std::span(&came, 1))));
    if (!is_ours(came.head))
      return failure(errc::fenced, "a caller that is no lagrange, or one of another version");
    said_.caller = came.number;
    auto about = said_;
    about.uses_tls = came.head.uses_tls != 0;
    if (!is_proof(came.knows, with_.token, purpose::knock, about))
      return failure(errc::fenced, "a caller that does not know the job's token");
    if (about.uses_tls != said_.uses_tls)
      return failure(errc::fenced, said_.uses_tls
                                       ? "a caller without TLS, which this job uses"
                                       : "a caller with TLS, which this job does not use");
    draw(said_.host);
    return send(said_.host);
  }

  result<void> speak_first(purpose mine, purpose theirs) {
    BOOST_OUTCOME_TRY(send(prove(with_.token, mine, said_)));
    return check(theirs);
  }

  result<void> listen_first(purpose theirs, purpose mine) {
    BOOST_OUTCOME_TRY(check(theirs));
    return send(prove(with_.token, mine, said_));
  }

  result<void> check(purpose theirs) {
    proof came{};
    BOOST_OUTCOME_TRY(receive(came));
    if (is_proof(came, with_.token, theirs, said_)) return success();
    return failure(errc::fenced, "the peer does not know the job's token");
  }

  result<void> send(std::span<const std::byte> bytes) { return send_all(*stream_, bytes, until_); }
  result<void> receive(std::span<std::byte> bytes) {
    return receive_all(*stream_, bytes, until_,
                       side_ == greeting_side::caller ? refused_by_host() : left_by_caller());
  }

  std::unique_ptr<stream> stream_;
  greeting_side side_;
  const security& with_;
  const patience& until_;
  transcript said_;
};

} // namespace

bool is_knock_head(std::span<const std::byte, knock_head_bytes> bytes) {
  knock_head head;
  std::memcpy(&head, bytes.data(), sizeof head);
  return is_ours(head);
}

result<std::unique_ptr<stream>> greet_patiently(descriptor socket, greeting_side side,
                                                const security& with, const patience& until) {
  return greeting(std::move(socket), side, with, until).run();
}

result<std::unique_ptr<stream>> greet(descriptor socket, greeting_side side, const security& with,
                                      std::chrono::steady_clock::time_point deadline) {
  return greet_patiently(std::move(socket), side, with, patience(deadline));
}

} // namespace lagrange::runtime::transport
