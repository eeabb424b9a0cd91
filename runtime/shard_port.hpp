/// \file
/// The shard's end of the tensor plane: frames in, the twin's answers out. It owns the twin, and
/// runs where its endpoint calls: in the endpoint's own thread, where a pull is answered and a push
/// applied without a hop, or in the actor's events, in one process and under the simulator.
///
/// With a replica, what an input brings about is said once the replica has the input. The replica
/// has a port of this kind, too, which follows until it is promoted (shard_port_replica.cpp).
///
/// Invariant: DU-1 (nobody hears of what one death can undo).
#pragma once

#include "runtime/shard.hpp"
#include "runtime/shard_input.hpp"
#include "runtime/transport/endpoint.hpp"
#include "runtime/wire.hpp"

#include <deque>
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
  /// From now on nothing is said that this replica does not have.
  std::function<void(actor_life replica)> replicated;
  std::size_t piece_bytes = std::size_t{2} << 20; ///< of what fills a replica
  /// A replica is being filled: workers are to ask and push again whatever is unanswered.
  std::function<void()> refilling;
};

/// Opens the journal of a promoted replica, which goes on from so many records of its shard's.
using journal_continuer = std::function<result<journal_sink>(std::uint64_t records)>;

class shard_port final : public transport::receiver {
public:
  /// Of a replica, if the options' life is 0.
  shard_port(shard_options options, shard_hooks hooks);

  /// Before anything else. Requires: a plane that ends before this.
  void attach(transport::endpoint& plane) { plane_ = &plane; }

  void on_frame(transport::link_id from, transport::frame what) override;
  void on_down(transport::link_id gone, const error& why) override;
  void on_quiet() override;

  void on_view(const membership_view& view) { take(view); }
  void on_switch(const switch_order& order) { take(order); }
  void on_settlement_ack(const settlement_ack& ack);
  /// The last settlement may be lost.
  void settle_again();
  void on_closing(const round_closing& closing);
  /// The last question may be lost.
  void ask_again();

  /// Every input goes to this replica as well, which has begun as this shard has.
  /// Requires: no input so far.
  void use_replica(transport::link_id link, const actor_life& who);
  /// This one begins now, or after the round that is open. Not if there is one already.
  void fill_replica(transport::link_id link, const actor_life& who);
  /// The supervisor will not promote that replica any more: what was held back for it is said.
  void drop_replica(const actor_life& who);
  /// This replica goes on as that life of its shard. Errors: its journal cannot be opened.
  result<void> promote(const stamp& self, const journal_continuer& open);

  /// With the bytes that went over the plane.
  shard_report report() const;
  const stamp& self() const { return twin_->self(); }
  const shard& twin() const { return *twin_; }

private:
  using input = decltype(shard_input::what);
  /// What an input brings about, until it may be said.
  struct outcome {
    std::uint64_t sequence = 0; ///< of the input
    shard_effects effects;
    std::optional<switch_ack> switched;
    std::optional<settlement> settled;
    std::optional<round_request> asked;
    std::optional<answer<pull_reply>> snapshot;
  };
  struct replica_end {
    transport::link_id link;
    actor_life who;
    bool is_lost = false;         ///< and reported; the supervisor will say what follows
    std::uint64_t holds_from = 0; ///< the first input that nothing is said of before its time
    bool is_told = false;         ///< the supervisor knows that it follows
  };
  /// A state on its way to a replica.
  struct filling {
    std::uint64_t sequence = 0, records = 0;
    std::vector<ops::tensor> arrays; ///< u8 [N]
    std::size_t array = 0;           ///< the next one to be sent
    std::uint64_t first = 0;         ///< byte of it
    std::uint64_t sent = 0, had = 0; ///< pieces
    std::deque<shard_input> missed;  ///< that came meanwhile; their memory is their links' credit
  };

  void on_message(transport::link_id from, const transport::frame& what);
  void on_snapshot_request(transport::link_id from, const snapshot_request& asked);
  /// One input: to the replica, to the twin, and on to whoever waits for what comes of it.
  void take(input what, ticket to = {});
  outcome apply(const shard_input& what, ticket to);
  void commit(outcome made);
  void say(outcome made);
  void say_effects(shard_effects effects);
  /// False: nothing may be answered any more.
  bool keeps(const std::vector<journal_entry>& entries);
  void refuse(transport::link_id to, const error& why);
  /// Bytes that are no frame: whoever sent them gets an error and no second chance.
  void give_up(transport::link_id from, const error& defect);
  void tell_feeder();
  void settle();
  void ask();
  // With a replica, and as one:
  void forward(const shard_input& what);
  void lose_replica(const error& why);
  void on_acknowledged(transport::link_id from, const input_ack& ack);
  void follow(transport::link_id from, const transport::frame& what);
  void acknowledge();
  // While one is filled:
  void begin_filling();
  void send_pieces();
  void on_piece_taken(std::uint64_t pieces);
  void note_if_followed();
  void on_piece(transport::link_id from, const filling_piece& piece);

  shard_hooks hooks_;
  transport::endpoint* plane_ = nullptr;
  std::optional<shard> twin_;
  std::map<transport::link_id, actor_life> peers_; ///< who spoke on which link last
  bool is_settling_ = false;
  bool is_asking_ = false;
  bool has_failed_ = false;
  std::uint64_t records_ = 0;  ///< in the journal
  std::uint64_t sequence_ = 0; ///< inputs taken
  std::optional<replica_end> replica_;
  std::optional<std::pair<transport::link_id, actor_life>> wanted_; ///< to be filled
  std::optional<filling> filling_;
  std::deque<outcome> held_; ///< until the replica has their inputs
  // Of a replica:
  bool is_following_ = false;
  transport::link_id shard_link_;
  std::uint64_t acknowledged_ = 0;        ///< inputs
  std::shared_ptr<shard_state> unfilled_; ///< while it is filled, as the next two
  std::vector<std::byte> numbers_;
  std::uint64_t pieces_ = 0, pieces_acknowledged_ = 0;
  std::deque<journal_entry> unwritten_; ///< the last records, which the shard may not have written
  std::uint64_t pushed_bytes_ = 0;      ///< on the wire
  std::uint64_t pulled_bytes_ = 0;
  std::uint64_t pushed_payload_ = 0; ///< of those, the tensors
  std::uint64_t pulled_payload_ = 0;
};

} // namespace lagrange::runtime
