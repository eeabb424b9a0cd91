/// \file
/// The tensor plane inside one process: a frame is handed over as it is, and its tensors are
/// shared. Under the simulator the same hub runs in virtual time, because whoever receives decides
/// when it looks at what came.
///
/// BP-1: a link has no queue of its own; what is under way waits with the receiver, bounded by what
/// the twins let be under way.
#pragma once

#include "runtime/transport/endpoint.hpp"

#include <functional>
#include <memory>

namespace lagrange::runtime::transport {

/// A frame on its way, as whoever stands between sees it.
struct crossing {
  std::uint64_t from = 0, to = 0; ///< numbers of endpoints, as in address
  urgency first = urgency::control;
  std::uint64_t bytes = 0;
};

/// Where the endpoints of one process meet. Outlives them.
class hub {
public:
  /// Stands between a sender and a receiver, for the simulator: calls `deliver` now, later, twice
  /// or never.
  using interceptor = std::function<void(const crossing& what, std::function<void()> deliver)>;

  /// Requires: an id that no other hub has.
  explicit hub(std::uint64_t id, interceptor between = {});
  ~hub();
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  /// Requires: a receiver that outlives the endpoint.
  std::unique_ptr<endpoint> open(receiver& owner);

private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

} // namespace lagrange::runtime::transport
