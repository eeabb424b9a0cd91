/// \file
/// A connected byte stream that has been greeted: both sides know the job's token, and under TLS
/// each other's certificate. Made by greeting.hpp; read and written by the TCP transport, and on
/// behalf of the control plane.
#pragma once

#include "runtime/error.hpp"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace lagrange::runtime::transport {

/// What a call that does not block came to.
struct transfer {
  enum class state : std::uint8_t {
    moved = 0,   ///< `bytes` > 0 went through
    would_block, ///< try again when the descriptor is ready
    closed,      ///< by the peer, in order
    failed,      ///< `why` says how
  };
  state what = state::moved;
  std::size_t bytes = 0;
  error why;
};

/// One thread may read while another writes.
class stream {
public:
  virtual ~stream() = default; ///< closes the descriptor
  /// For poll: readable when read may go on, writable when write may.
  virtual int pollable() const = 0;
  virtual transfer read(std::span<std::byte> to) = 0;
  /// Requires: at least one byte, unchanged until as many are written as were offered (TLS).
  virtual transfer write(std::span<const iovec> from) = 0;
  /// Bytes that came and are held inside, which poll does not show.
  virtual bool has_pending() const = 0;
};

} // namespace lagrange::runtime::transport
