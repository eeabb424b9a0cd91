#include "runtime/transport/hello.hpp"

#include <fmt/format.h>

namespace lagrange::runtime::transport {

record make_hello(std::uint64_t credit_bytes) {
  record made;
  made.type = record_type::hello;
  made.kind = limits::protocol_version;
  made.total = credit_bytes;
  seal(made);
  return made;
}

result<void> check_hello(std::span<const std::byte, record_bytes> came,
                         std::uint64_t credit_bytes) {
  BOOST_OUTCOME_TRY(x, open_record(came));
  if (x.type != record_type::hello)
    return refuse("the first record", fmt::format("of type {}", static_cast<int>(x.type)),
                  "a hello");
  if (x.kind != limits::protocol_version)
    return refuse("the peer's protocol version", std::to_string(x.kind),
                  std::to_string(limits::protocol_version));
  if (x.total < credit_bytes)
    return refuse("the credit that the peer grants", fmt::format("{} bytes", x.total),
                  fmt::format("at least {}, as is granted to it", credit_bytes));
  return success();
}

result<void> say_hello(stream& with, std::uint64_t credit_bytes, const patience& until) {
  const auto said = make_hello(credit_bytes);
  BOOST_OUTCOME_TRY(send_all(with, std::as_bytes(std::span(&said, 1)), until));
  std::array<std::byte, record_bytes> came;
  BOOST_OUTCOME_TRY(receive_all(with, came, until,
                                {errc::peer_gone, "the peer closed the connection instead of "
                                                  "saying hello: it may have refused ours"}));
  return check_hello(came, credit_bytes);
}

} // namespace lagrange::runtime::transport
