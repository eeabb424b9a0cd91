/// \file
/// An actor's seat at the tensor plane: its endpoint, and what hands arrivals on.
#pragma once

#include "actors/interfaces.hpp"

#include <caf/actor_control_block.hpp>

#include <functional>
#include <memory>

namespace lagrange::actors {

/// Sends whatever an endpoint receives to the actor, or hands it to the actor's port at once where
/// the endpoint has a thread of its own and the port may run in it.
class relay final : public runtime::transport::receiver {
public:
  /// Before any peer knows the endpoint's address.
  void attach(caf::weak_actor_ptr to) { to_ = std::move(to); }
  /// Requires: a port that outlives the endpoint.
  void attach(runtime::transport::receiver& port) { port_ = &port; }

  void on_frame(runtime::transport::link_id from, runtime::transport::frame what) override;
  void on_down(runtime::transport::link_id gone, const runtime::error& why) override;
  void on_quiet() override;

private:
  caf::weak_actor_ptr to_;
  runtime::transport::receiver* port_ = nullptr;
};

/// Ends with the actor.
struct plane_seat {
  relay receives;
  std::unique_ptr<runtime::transport::endpoint> plane; ///< last: its thread uses the relay
};

/// Opens an endpoint: in this process, or for peers of this host and beyond.
using plane_maker = std::function<runtime::result<std::unique_ptr<runtime::transport::endpoint>>(
    runtime::transport::receiver& owner, const runtime::plane_needs& needs)>;

/// Errors: throws device_error, because an actor without its endpoint is of no use.
std::unique_ptr<plane_seat> take_seat(const plane_maker& open, const runtime::plane_needs& needs);

/// Tells the supervisor of a peer that `who` has lost. It may have died, and then whoever started
/// it knows more and tells it first.
void report_loss(const supervisor_actor& supervisor, const runtime::stamp& who,
                 const runtime::actor_life& peer, const runtime::error& why);

} // namespace lagrange::actors
