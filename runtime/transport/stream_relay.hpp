/// \file
/// Lends a stream to somebody who only knows descriptors: what CAF writes into its end of a pair of
/// sockets goes out encrypted, and what comes is decrypted for it. One thread carries the bytes of
/// all such pairs, which is enough for control messages.
#pragma once

#include "runtime/transport/descriptor.hpp"
#include "runtime/transport/stream.hpp"

#include <memory>

namespace lagrange::runtime::transport {

class stream_relay {
public:
  stream_relay();
  /// Returns when what had been written into the ends that are closed is on its way, or after half
  /// a second. Other connections are cut.
  ~stream_relay();
  stream_relay(const stream_relay&) = delete;
  stream_relay& operator=(const stream_relay&) = delete;

  /// The near end of `far`: a connected Unix socket. Closing either end closes the other, after
  /// what was written into it. Thread-safe. No thread runs before the first call. Errors: throws
  /// device_error (no descriptor or thread is left).
  descriptor lend(std::unique_ptr<stream> far);

private:
  class carrier;
  std::unique_ptr<carrier> carrier_;
};

} // namespace lagrange::runtime::transport
