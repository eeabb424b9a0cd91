/// \file
/// All that can change what a shard holds, as values in order. Two twins that begin alike and take
/// the same inputs hold the same, bit for bit: so a replica follows its shard.
///
/// Invariant: DU-1. Paper: Schneider 1990 (state machine replication).
#pragma once

#include "runtime/rounds.hpp"
#include "runtime/staleness/policy.hpp"
#include "runtime/switch_messages.hpp"

#include <memory>
#include <variant>

namespace lagrange::runtime {

struct state_note {};       ///< shard::note_state
struct settlement_order {}; ///< shard::next_settlement

struct shard_input {
  stamp from;                 ///< the shard, to its replica
  std::uint64_t sequence = 0; ///< from 1, without gaps
  time_point now;             ///< at which the shard takes it
  std::uint64_t records = 0;  ///< in the shard's journal when it was sent
  std::variant<std::monostate, pull_request, std::shared_ptr<const gradient_push>, membership_view,
               round_closing, switch_order, settlement_ack, state_note, settlement_order>
      what;
};

/// From a replica: all up to this input is done alike, so that it survives the shard.
struct input_ack {
  stamp from;
  std::uint64_t sequence = 0;
};

/// To a replica that begins in the middle: a piece of what its shard holds.
struct filling_piece {
  stamp from;                 ///< the shard
  std::uint64_t sequence = 0; ///< inputs that are in it
  std::uint64_t records = 0;  ///< in the shard's journal then
  std::uint32_t array = 0;    ///< of its state, then its numbers
  std::uint64_t first = 0;    ///< byte of the array
  bool is_last = false;       ///< of all pieces
  ops::tensor bytes;          ///< u8 [N], or empty
};

} // namespace lagrange::runtime
