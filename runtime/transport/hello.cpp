#include "runtime/transport/hello.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <fstream>

namespace lagrange::runtime::transport {

namespace {

/// SHA-256 of the host's name, in the room for payloads' sizes, of which a hello has none; zeros if
/// there is no name. Errors: throws device_error.
void put_host(record& to) {
  const auto name = host_id();
  static_assert(sizeof to.sizes == 32);
  auto* const room = reinterpret_cast<unsigned char*>(to.sizes.data());
  if (name.empty()) return;
  if (::EVP_Digest(name.data(), name.size(), room, nullptr, ::EVP_sha256(), nullptr) != 1)
    throw ops::device_error("OpenSSL cannot compute SHA-256");
}

bool is_same_host(const record& mine, const record& theirs) {
  return mine.sizes == theirs.sizes && mine.sizes != decltype(mine.sizes){};
}

} // namespace

record make_hello(std::uint64_t credit_bytes) {
  record made;
  made.type = record_type::hello;
  made.kind = limits::protocol_version;
  made.total = credit_bytes;
  put_host(made);
  seal(made);
  return made;
}

result<record> check_hello(std::span<const std::byte, record_bytes> came,
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
  return x;
}

result<checksums> say_hello(stream& with, std::uint64_t credit_bytes, const patience& until) {
  const auto said = make_hello(credit_bytes);
  BOOST_OUTCOME_TRY(send_all(with, std::as_bytes(std::span(&said, 1)), until));
  std::array<std::byte, record_bytes> came;
  BOOST_OUTCOME_TRY(receive_all(with, came, until,
                                {errc::peer_gone, "the peer closed the connection instead of "
                                                  "saying hello: it may have refused ours"}));
  BOOST_OUTCOME_TRY(theirs, check_hello(came, credit_bytes));
  return is_same_host(said, theirs) ? checksums::heads : checksums::heads_and_payloads;
}

std::string host_id() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id") >> std::ws, boot);
  struct stat network {};
  if (boot.empty() || ::stat("/proc/self/ns/net", &network) != 0) return {};
  return fmt::format("{}/{}", boot, network.st_ino);
}

} // namespace lagrange::runtime::transport
