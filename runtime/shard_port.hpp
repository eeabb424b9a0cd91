/// \file
/// The shard's end of the tensor plane: frames in, the twin's answers out. It owns the twin, and
/// runs where its endpoint calls: in the endpoint's own thread, where a pull is answered and a push
/// applied without a hop, or in the actor's events, in one process and under the simulator.
#pragma once

#include "runtime/shard.hpp"
#include "runtime/transport/endpoint.hpp"
#include "runtime/wire.hpp"

#include <functional>
#include <map>
#include <optional>

namespace lagrange::runtime {

/// What a shard's port tells the actor. Called where the port runs.
struct shard_hooks {
  bool compresses = false; ///< parameters, on links that leave the host
  std::function<time_point()> now;
  journal_sink journal; ///< null: nobody listens; called before anything is answered
  /// For the feeder; once per burst, and not again before on_settlement_ack or settle_again.
  std::function<void(settlement)> settle;
  /// Asks the feeder how a round is closed; not again before on_closing or ask_again.
  std::function<void(round_request)> ask;
  /// Tells the supervisor that its order is carried out.
  std::function<void(switch_ack)> switched;
  /// A peer's link is gone, or its bytes were none, and it may be dead.
  std::function<void(actor_life, const error& why)> lose;
  /// What the shard holds at a cut, with all that its journal says so far. Null: nobody keeps it.
  std::function<void(std::shared_ptr<const shard_state>)> captured;
  /// The journal cannot be kept: the shard has stopped to answer. Once.
  std::function<void(const error& why)> fail;
};

class shard_port final : public transport::receiver {
public:
  shard_port(shard_options options, shard_hooks hooks);

  /// Before anything else. Requires: a plane that ends before this.
  void attach(transport::endpoint& plane) { plane_ = &plane; }

  void on_frame(transport::link_id from, transport::frame what) override;
  void on_down(transport::link_id gone, const error& why) override;
  void on_quiet() override { tell_feeder(); }

  void on_view(const membership_view& view);
  void on_switch(const switch_order& order);
  void on_settlement_ack(const settlement_ack& ack);
  /// The last settlement may be lost.
  void settle_again();
  void on_closing(const round_closing& closing);
  /// The last question may be lost.
  void ask_again();
  /// With the bytes that went over the plane.
  shard_report report() const;
  view_number view() const { return twin_->view(); }

private:
  void on_message(transport::link_id from, const transport::frame& what);
  void carry_out(shard_effects effects);
  void keep(const captured_shard& captured);
  /// False: nothing may be answered any more.
  bool keeps(const std::vector<journal_entry>& entries);
  void refuse(transport::link_id to, const error& why);
  /// Bytes that are no frame: whoever sent them gets an error and no second chance.
  void give_up(transport::link_id from, const error& defect);
  void tell_feeder();
  void settle();
  void ask();

  shard_hooks hooks_;
  transport::endpoint* plane_ = nullptr;
  std::optional<shard> twin_;
  std::map<transport::link_id, actor_life> peers_; ///< who spoke on which link last
  bool is_settling_ = false;
  bool is_asking_ = false;
  bool has_failed_ = false;
  std::uint64_t records_ = 0;      ///< in the journal
  std::uint64_t pushed_bytes_ = 0; ///< on the wire
  std::uint64_t pulled_bytes_ = 0;
  std::uint64_t pushed_payload_ = 0; ///< of those, the tensors
  std::uint64_t pulled_payload_ = 0;
};

} // namespace lagrange::runtime
