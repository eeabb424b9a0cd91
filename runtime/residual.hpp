/// \file
/// What a worker's codec has not sent yet, in memory that outlives the worker: a mapping whose
/// descriptor somebody else also holds. Kill -9 at any instruction loses none of it and sends none
/// of it twice.
///
/// Push q of a worker is its gradient plus the residual r(q-1), of which the codec leaves r(q). A
/// shard answers a push once for all: taken (applied, or kept for its round), or refused, because
/// somebody else's attempt at the lease came before, so that neither the bytes nor the gradient
/// count. Until it answers, the push is pending with that shard. Up to two pushes are pending, so
/// r(q-2), r(q-1) and r(q) are kept, r(q) in slot q % 3. Each shard has its part of every slot, and
/// the number of the last push that it has settled; all older ones are settled too.
///
/// What happens to a shard's part, where q is the push after the settled one:
///   taken                     settled becomes q, in one store.
///   refused, q is the newest  r(q) becomes r(q-1), then settled becomes q.
///   refused, q+1 is pending   r(q+1) was made from r(q): r(q+1) += r(q-1) - r(q), then as above.
///                             Each element's new value is written down before it is stored, so
///                             that open() can go on where a crash broke off.
///   answered again            nothing: the first answer counts.
///
/// What a crash finds, and what becomes of it:
///   between begin and end     the slot is not counted: nothing of that push can have been sent.
///   after end                 the push is pending; the shard is asked what it has taken, and
///                             recover() settles by that, whether it was sent or answered or not.
///   within acknowledge        the store was made or not; asked again, the shard says the same.
///   within undo               open() finishes it.
///   within recover            it is called again with the same answer, and does what is left.
///   within the first open     the memory still counts as fresh.
///
/// Invariant: CO-1 (for each shard, what it took + residual = the gradients of what it took, but
/// for rounding).
#pragma once

#include "runtime/error.hpp"
#include "runtime/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Numbers the pushes of one worker from 1, over all of its incarnations.
using push_sequence = strong<struct push_tag, std::uint64_t>;

/// Is used by one thread at a time. Does not own the memory.
class residual {
public:
  static constexpr std::size_t alignment = 64;
  /// Units: bytes of memory for shards of these sizes.
  static std::size_t bytes_for(std::span<const std::size_t> elements);
  /// Takes up what the memory holds, or starts with zeros if it is fresh, that is, all zeros.
  /// Requires: memory aligned to `alignment`, less than 2^32 elements a shard.
  /// Errors: bad_file for memory that is too small, damaged, or of other sizes or another format;
  /// the text says what was found and expected.
  static result<residual> open(std::span<std::byte> memory, std::span<const std::size_t> elements);

  /// The last push that was ended; 0: none.
  push_sequence newest() const { return newest_; }
  /// Whether push newest() + 1 may begin: no shard has two pushes pending.
  bool may_begin() const;
  /// Requires: sequence == newest() + 1, may_begin().
  void begin(push_sequence sequence, lease_attempt_id what);
  /// What is to be added to the gradient: r(newest()).
  std::span<const float> before(shard_id shard) const;
  /// Where the push that has begun leaves its residual; the codec may work in it. Holds anything.
  std::span<float> after(shard_id shard);
  /// From here on the push counts, and may be sent. Requires: every after() is written.
  void end(push_sequence sequence);
  /// Instead of end(): the push that has begun never was.
  void abandon() { has_begun_ = false; }

  /// The shard has taken the push. Requires: answers of one shard come in the order of pushes.
  void acknowledge(shard_id shard, push_sequence sequence);
  /// The shard has refused the push. Requires: as acknowledge(), and not between begin and end.
  void undo(shard_id shard, push_sequence sequence);
  /// Settles what is pending with the shard. Requires: the shard refuses pushes of this worker's
  /// earlier incarnations; `taken` has the last two that it took of this worker, or only the last
  /// one if the worker never sends a push before the one before is answered.
  void recover(shard_id shard, std::span<const lease_attempt_id> taken);

  /// The Euclidean norm of the newest residual. Cost: one pass.
  double norm(shard_id shard) const;

private:
  struct head;
  struct shard_record;

  residual(std::span<std::byte> memory, std::span<const std::size_t> elements);
  result<void> check_format(std::span<const std::size_t> elements) const;
  result<void> check_state() const;
  void initialise(std::span<const std::size_t> elements);
  void find_newest();
  void finish_undo(shard_id shard);
  bool settles(shard_id shard, push_sequence sequence) const;
  shard_record& record(shard_id shard) const;
  std::span<float> part(push_sequence sequence, shard_id shard) const;

  struct extent {
    std::size_t first, count;
  };
  head* head_;
  shard_record* records_;
  float* slots_;
  std::size_t slot_elements_ = 0;
  std::vector<extent> parts_; ///< of a slot, by shard
  push_sequence newest_;
  bool has_begun_ = false;
};

} // namespace lagrange::runtime
