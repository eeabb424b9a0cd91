/// \file
/// The feeder's end of the tensor plane: lease requests in, grants with their samples out. It owns
/// the twin; the actor calls it, also with what its endpoint received.
#pragma once

#include "runtime/data/dataset.hpp"
#include "runtime/feeder.hpp"
#include "runtime/transport/endpoint.hpp"

#include <functional>
#include <map>
#include <memory>

namespace lagrange::runtime {

struct feeder_hooks {
  bool compresses = false; ///< samples, on links that leave the host
  std::function<time_point()> now;
  std::function<void(shard_id, round_closing)> close; ///< answers a shard's round_request
  std::function<void(switch_ack)> switched;           ///< answers the supervisor's switch_order
  std::function<void(std::chrono::nanoseconds)> wake; ///< calls on_wake after that time
  /// A peer's link is gone, or its bytes were none, and it may be dead.
  std::function<void(actor_life, const error& why)> lose;
};

class feeder_port {
public:
  feeder_port(feeder_options options, std::shared_ptr<const dataset> training, feeder_hooks hooks);

  /// Before anything else. Requires: a plane that ends before this.
  void attach(transport::endpoint& plane) { plane_ = &plane; }

  void on_frame(transport::link_id from, const transport::frame& what);
  void on_down(transport::link_id gone, const error& why);
  void on_settlement(const settlement& settled) {
    carry_out(twin_.on_settlement(settled, hooks_.now()));
  }
  void on_view(const membership_view& view) { carry_out(twin_.on_view(view, hooks_.now())); }
  void on_round_request(const round_request& asked) { carry_out(twin_.on_round_request(asked)); }
  void on_switch(const switch_order& order) { carry_out(twin_.on_switch(order, hooks_.now())); }
  void on_tick() { carry_out(twin_.on_tick(hooks_.now())); }
  void on_cut(const cut_order& order) { twin_.on_cut(order); }
  void on_wake() { carry_out(twin_.on_wake(hooks_.now())); }
  const feeder& twin() const { return twin_; }

private:
  void carry_out(feeder_effects effects);
  void give_up(transport::link_id from, const error& defect);

  augmentation_draw changes_; ///< of the samples; the epoch is the lease's
  feeder twin_;
  std::shared_ptr<const dataset> training_;
  feeder_hooks hooks_;
  transport::endpoint* plane_ = nullptr;
  std::map<transport::link_id, actor_life> peers_; ///< who spoke on which link last
};

} // namespace lagrange::runtime
