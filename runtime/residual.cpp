#include "runtime/residual.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

namespace lagrange::runtime {

namespace {

constexpr std::uint64_t magic = 0x6c61756469736572; // "residual", read as bytes
constexpr std::uint32_t format_version = 1;
constexpr std::uint64_t slot_count = 3;

std::size_t round_up(std::size_t bytes) {
  return (bytes + residual::alignment - 1) / residual::alignment * residual::alignment;
}

// Whoever opens the memory after a crash sees stores in the order of the program: other processes
// see those of a processor in order, and these two keep the compiler from moving any over them.
void publish(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref(word).store(value, std::memory_order_release);
}
void fence() { std::atomic_thread_fence(std::memory_order_release); }

error damaged(const std::string& text) {
  return {errc::bad_file, "the residual's memory is damaged: " + text};
}

} // namespace

struct residual::head {
  struct push {
    std::uint64_t sequence; ///< the last that was ended in this slot; 0: none
    std::uint64_t lease;
    std::uint64_t attempt;
  };
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t shards;
  push pushes[slot_count];
};

struct residual::shard_record {
  std::uint64_t elements;
  std::uint64_t settled;
  std::uint64_t undoing; ///< the push that is being undone; 0: none
  std::uint64_t redo;    ///< of the undo: position + 1, and the bits of its new value
};

std::size_t residual::bytes_for(std::span<const std::size_t> elements) {
  std::size_t slot = 0;
  for (const auto count : elements) slot += round_up(count * sizeof(float));
  return round_up(sizeof(head) + elements.size() * sizeof(shard_record)) + slot_count * slot;
}

result<residual> residual::open(std::span<std::byte> memory,
                                std::span<const std::size_t> elements) {
  if (const auto expected = bytes_for(elements); memory.size() < expected)
    return failure(errc::bad_file,
                   fmt::format("the residual's memory has {} bytes, expected {} for {} shards",
                               memory.size(), expected, elements.size()));
  residual opened(memory, elements);
  if (opened.head_->magic == 0) opened.initialise(elements);
  BOOST_OUTCOME_TRY(opened.check_format(elements));
  opened.find_newest();
  BOOST_OUTCOME_TRY(opened.check_state());
  for (std::uint32_t i = 0; i < elements.size(); ++i) opened.finish_undo({i});
  return opened;
}

residual::residual(std::span<std::byte> memory, std::span<const std::size_t> elements)
    : head_(reinterpret_cast<head*>(memory.data())),
      records_(reinterpret_cast<shard_record*>(memory.data() + sizeof(head))),
      slots_(reinterpret_cast<float*>(
          memory.data() + round_up(sizeof(head) + elements.size() * sizeof(shard_record)))) {
  LAGRANGE_EXPECT(reinterpret_cast<std::uintptr_t>(memory.data()) % alignment == 0,
                  "the residual's memory is not aligned");
  for (const auto count : elements) {
    LAGRANGE_EXPECT(count < UINT32_MAX, fmt::format("{} elements in a shard", count));
    parts_.push_back({slot_elements_, count});
    slot_elements_ += round_up(count * sizeof(float)) / sizeof(float);
  }
}

void residual::initialise(std::span<const std::size_t> elements) {
  head_->version = format_version;
  head_->shards = static_cast<std::uint32_t>(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) records_[i].elements = elements[i];
  publish(head_->magic, magic);
}

result<void> residual::check_format(std::span<const std::size_t> elements) const {
  const auto expect = [](std::string_view what, auto found, auto expected) -> result<void> {
    if (found == expected) return success();
    return failure(errc::bad_file, fmt::format("the residual's memory has {} {:#x}, expected {:#x}",
                                               what, found, static_cast<std::uint64_t>(expected)));
  };
  BOOST_OUTCOME_TRY(expect("the magic", head_->magic, magic));
  BOOST_OUTCOME_TRY(expect("format version", head_->version, format_version));
  BOOST_OUTCOME_TRY(expect("a number of shards of", head_->shards, elements.size()));
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (records_[i].elements != elements[i])
      return failure(errc::bad_file,
                     fmt::format("the residual's memory has {} elements for shard {}, expected {}",
                                 records_[i].elements, i, elements[i]));
  return success();
}

void residual::find_newest() {
  for (const auto& push : head_->pushes) newest_.value = std::max(newest_.value, push.sequence);
}

result<void> residual::check_state() const {
  const auto newest = newest_.value;
  for (std::uint64_t i = 0; i < slot_count; ++i) {
    const auto found = head_->pushes[i].sequence;
    const bool is_of_slot = found == 0 || (found % slot_count == i && newest - found < slot_count);
    const bool is_missing = newest > 1 && (newest - 1) % slot_count == i && found == 0;
    if (!is_of_slot || is_missing)
      return damaged(fmt::format("push {} in slot {} while {} is the newest", found, i, newest));
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& [elements, settled, undoing, redo] = records_[i];
    if (settled > newest || newest - settled >= slot_count)
      return damaged(fmt::format("shard {} has settled push {} of {}", i, settled, newest));
    const bool is_undone = undoing == settled || (undoing == settled + 1 && undoing <= newest);
    if (undoing != 0 && !is_undone)
      return damaged(fmt::format("shard {} undoes push {} after {}", i, undoing, settled));
    if (redo >> 32 > elements)
      return damaged(fmt::format("shard {} is at {} of {} elements", i, redo >> 32, elements));
  }
  return success();
}

bool residual::may_begin() const {
  return std::all_of(records_, records_ + parts_.size(),
                     [&](const auto& of) { return of.settled + 1 >= newest_.value; });
}

void residual::begin(push_sequence sequence, lease_attempt_id what) {
  LAGRANGE_EXPECT(sequence == newest_.next() && may_begin() && !has_begun_,
                  fmt::format("push {} begun after {}", sequence.value, newest_.value));
  auto& push = head_->pushes[sequence.value % slot_count];
  fence(); // no shard needs what the slot held: that stands in memory before it is written over
  push.lease = what.what.value;
  push.attempt = what.attempt.value;
  has_begun_ = true;
}

void residual::end(push_sequence sequence) {
  LAGRANGE_EXPECT(has_begun_ && sequence == newest_.next(),
                  fmt::format("push {} ended after {}", sequence.value, newest_.value));
  publish(head_->pushes[sequence.value % slot_count].sequence, sequence.value);
  fence(); // sent only afterwards
  newest_ = sequence;
  has_begun_ = false;
}

std::span<const float> residual::before(shard_id shard) const { return part(newest_, shard); }

std::span<float> residual::after(shard_id shard) {
  LAGRANGE_EXPECT(has_begun_, "no push has begun");
  return part(newest_.next(), shard);
}

// False: it was answered before.
bool residual::settles(shard_id shard, push_sequence sequence) const {
  const auto settled = record(shard).settled;
  LAGRANGE_EXPECT(sequence.value <= settled + 1 && sequence <= newest_,
                  fmt::format("shard {} answers push {} after {}, and {} is the newest",
                              shard.value, sequence.value, settled, newest_.value));
  return sequence.value > settled;
}

void residual::acknowledge(shard_id shard, push_sequence sequence) {
  if (settles(shard, sequence)) publish(record(shard).settled, sequence.value);
}

void residual::undo(shard_id shard, push_sequence sequence) {
  if (!settles(shard, sequence)) return;
  LAGRANGE_EXPECT(!has_begun_, "what the push that has begun was added to would change");
  auto& of = record(shard);
  of.redo = 0;
  publish(of.undoing, sequence.value);
  fence();
  finish_undo(shard);
}

void residual::finish_undo(shard_id shard) {
  auto& of = record(shard);
  const push_sequence refused{of.undoing};
  if (refused.value > of.settled) {
    const auto before = part({refused.value - 1}, shard), after = part(refused, shard);
    if (refused < newest_) {
      const auto newer = part(refused.next(), shard);
      const auto store = [&](std::size_t at) {
        newer[at] = std::bit_cast<float>(static_cast<std::uint32_t>(of.redo));
      };
      std::size_t at = of.redo >> 32;
      if (at > 0) store(at - 1);
      for (; at < newer.size(); ++at) {
        const float value = newer[at] + (before[at] - after[at]);
        publish(of.redo, (at + 1) << 32 | std::bit_cast<std::uint32_t>(value));
        fence();
        store(at);
      }
    }
    std::ranges::copy(before, after.begin());
    publish(of.settled, refused.value);
  }
  publish(of.undoing, 0);
}

void residual::recover(shard_id shard, std::span<const lease_attempt_id> taken) {
  for (auto pending = push_sequence{record(shard).settled}.next(); pending <= newest_;
       pending = pending.next()) {
    const auto& push = head_->pushes[pending.value % slot_count];
    const lease_attempt_id what{{push.lease}, {static_cast<std::uint32_t>(push.attempt)}};
    if (std::ranges::find(taken, what) != taken.end())
      acknowledge(shard, pending);
    else
      undo(shard, pending);
  }
}

double residual::norm(shard_id shard) const {
  double sum = 0;
  for (const double value : before(shard)) sum += value * value;
  return std::sqrt(sum);
}

residual::shard_record& residual::record(shard_id shard) const {
  LAGRANGE_EXPECT(shard.value < parts_.size(),
                  fmt::format("shard {} of {}", shard.value, parts_.size()));
  return records_[shard.value];
}

std::span<float> residual::part(push_sequence sequence, shard_id shard) const {
  LAGRANGE_EXPECT(shard.value < parts_.size(),
                  fmt::format("shard {} of {}", shard.value, parts_.size()));
  const auto [first, count] = parts_[shard.value];
  return {slots_ + sequence.value % slot_count * slot_elements_ + first, count};
}

} // namespace lagrange::runtime
