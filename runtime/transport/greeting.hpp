/// \file
/// Who may talk: before anything else both sides of a connection prove that they know the job's
/// token, by a keyed hash of both sides' random numbers, so that the token itself never travels and
/// nobody gets an answer without it. Under TLS each side then shows a certificate which the other's
/// authority has signed. Both planes greet alike.
#pragma once

#include "runtime/error.hpp"
#include "runtime/transport/descriptor.hpp"
#include "runtime/transport/stream.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace lagrange::runtime::transport {

/// The secret of one job. Whoever knows it may join.
using job_token = std::array<std::byte, 32>;

/// Mutual TLS: all three are PEM files, and all three are needed.
struct tls_files {
  std::filesystem::path certificate; ///< of this process
  std::filesystem::path key;         ///< of that certificate
  std::filesystem::path authority;   ///< signs everybody's certificates
};

struct security {
  job_token token{};
  std::optional<tls_files> tls;
};

enum class greeting_side : std::uint8_t { caller = 0, host };

/// Greets the peer at the other end of a connected stream socket; blocks until `deadline`.
/// Errors: fenced (the peer does not know the token, or has no certificate of our authority; a host
/// that closes without a word has refused its caller), timed_out, peer_gone, bad_file (a TLS file,
/// naming it).
result<std::unique_ptr<stream>> greet(descriptor socket, greeting_side side, const security& with,
                                      std::chrono::steady_clock::time_point deadline);

/// Checks a job's TLS files before anything starts. Errors: bad_file, naming the file and why.
result<void> check_tls(const tls_files& files);

/// A token of the machine's random numbers.
job_token draw_token();
/// From a file of 64 hexadecimal digits and a line end. Errors: bad_file.
result<job_token> read_token(const std::filesystem::path& file);
std::string to_text(const job_token& token);

/// Listens, greets whoever connects (each on a thread of its own, a few at a time, so that a silent
/// one keeps nobody waiting), and hands over those who know the token. Ends with its destructor.
class greeter {
public:
  virtual ~greeter() = default;
  virtual std::uint16_t port() const = 0; ///< of TCP; 0 for a Unix socket
};
/// Called on the greeting's own thread, for several at the same time. Requires: it does not wait
/// for whoever destroys the greeter.
using greeted = std::function<void(std::unique_ptr<stream>)>;
/// TCP on one address of this host; port 0: any. Errors: bad_argument, naming the address.
result<std::unique_ptr<greeter>> listen_tcp(const std::string& ip, std::uint16_t port,
                                            const security& with, greeted then);
/// A Unix socket in the abstract namespace, for peers of the same user; never with TLS.
result<std::unique_ptr<greeter>> listen_local(const std::string& name, const security& with,
                                              greeted then);
/// The other side. Errors: peer_gone, and those of greet().
result<std::unique_ptr<stream>> call_tcp(const std::string& ip, std::uint16_t port,
                                         const security& with,
                                         std::chrono::steady_clock::time_point deadline);
result<std::unique_ptr<stream>> call_local(const std::string& name, const security& with,
                                           std::chrono::steady_clock::time_point deadline);

} // namespace lagrange::runtime::transport
