/// \file
/// The tensor plane's one interface: an endpoint has links to peers and exchanges frames with them,
/// in order per urgency, each at most once, whole or not at all. It hides how bytes get there:
/// inside a process (in_process.hpp), through memory shared on one host or by TCP
/// (byte_endpoint.hpp). It knows neither what frames mean nor who actors are.
///
/// Invariant: BP-1 (what a link has taken and not yet delivered, and what the receiver has not let
/// go yet, is bounded in bytes by its credit).
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"
#include "runtime/transport/frame.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace lagrange::runtime::transport {

/// Numbers the links of one endpoint; never used twice.
using link_id = strong<struct link_tag, std::uint64_t>;

/// Every way to reach an endpoint. A peer takes the nearest that it shares: process, host, network.
struct address {
  std::uint64_t process = 0; ///< random id of a hub in a process, with `number`; 0: none
  std::uint64_t number = 0;  ///< of the endpoint in its hub
  std::string host;          ///< id of the host's running kernel; empty: no shared memory
  std::string local;         ///< name of the Unix socket (abstract) through which memory is shared
  std::string ip;            ///< to connect to by TCP; empty: not at all
  std::uint16_t port = 0;
  bool operator==(const address&) const = default;
};
template <class Inspector>
auto inspect(Inspector& f, address& x) {
  return f(x.process, x.number, x.host, x.local, x.ip, x.port);
}

/// What the owner of an endpoint hears. Calls never overlap for byte transports, which make them
/// from their own thread; in a process they come from whoever sends, also at the same time.
class receiver {
public:
  virtual ~receiver() = default;
  virtual void on_frame(link_id from, frame what) = 0;
  /// The link is gone, and with it whatever it had not delivered. Errors: peer_gone (closed, died),
  /// timed_out (silent for too long), bad_frame (its bytes were none). Nothing comes after it.
  virtual void on_down(link_id gone, const error& why) = 0;
  /// All that had arrived has been handed out: a good moment to tell others.
  virtual void on_quiet() {}
};

/// Bytes since the start. Framing counts: headers, heads, credits, heartbeats.
struct traffic {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

class endpoint {
public:
  /// Closes all links, without a call to the receiver, and ends its thread.
  virtual ~endpoint() = default;
  virtual const address& where() const = 0;
  /// A link to a peer; blocks until it stands. Thread-safe.
  /// Errors: peer_gone, timed_out (after the options' deadline), bad_argument (no common way).
  virtual result<link_id> connect(const address& peer) = 0;
  /// Takes a frame, or drops it: the link is gone, or its queue is full because the peer is slow.
  /// Never blocks for the peer. Thread-safe.
  /// Returns: what the frame takes on the wire, framing included; 0 if it was dropped.
  virtual std::uint64_t send(link_id to, frame what) = 0;
  /// Closes a link whose peer broke a rule, without a call to on_down. Thread-safe.
  virtual void close(link_id gone) = 0;
  /// Runs `work` where the receiver is called, not at the same time as that. Thread-safe.
  /// Requires: runs_by_itself().
  virtual void post(std::function<void()> work) = 0;
  /// Whether a thread of its own calls the receiver.
  virtual bool runs_by_itself() const = 0;
  /// Memory of `bytes` that local peers can read without a copy; ordinary memory if there is none.
  /// Shapes: u8 [bytes]. Errors: throws device_error.
  virtual ops::tensor allocate(std::size_t bytes) = 0;
  virtual traffic counted() const = 0;
};

} // namespace lagrange::runtime::transport
