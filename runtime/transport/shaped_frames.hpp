/// \file
/// Frames that wait for their injected time, on all links of an endpoint in one direction. Not for
/// more than one thread at a time.
#pragma once

#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/shaper.hpp"

#include <map>
#include <optional>

namespace lagrange::runtime::transport {

/// As a receiver it takes what comes, and lets it wait.
class shaped_frames final : public receiver {
public:
  using time_point = std::chrono::steady_clock::time_point;
  struct entry {
    link_id link;
    frame what;
  };

  explicit shaped_frames(link_shape shape) : shape_(shape) {}

  void on_frame(link_id from, frame what) override;
  void on_down(link_id, const error&) override {} // is told by the endpoint, after what came before

  /// `bytes` are those on the wire.
  void put(link_id link, frame what, std::uint64_t bytes);
  /// One of those whose time has come.
  std::optional<entry> take(time_point now);
  /// The next frame of a link, whether its time has come or not.
  std::optional<frame> take_of(link_id link);
  void forget(link_id link) { links_.erase(link); }
  /// When take() gives something; none: nothing waits.
  std::optional<time_point> next() const;

private:
  const link_shape shape_;
  std::map<link_id, shaper<frame>> links_;
};

} // namespace lagrange::runtime::transport
