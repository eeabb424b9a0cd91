#include "runtime/push_encoder.hpp"

#include "runtime/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lagrange::runtime {

namespace {

residual opened(const encoder_options& options) {
  auto made = residual::open(*options.memory, options.elements);
  if (!made) throw ops::device_error("no residual: " + made.error().text);
  return std::move(made).value();
}

/// The same for the same piece of the same attempt, whoever computes it, and for no other.
std::uint64_t key_of(std::uint64_t seed, const lease_attempt_id& what,
                     const gradient_frame& frame) {
  const auto place = static_cast<std::uint64_t>(frame.shard.value) << 32 | frame.number;
  return mix(mix(mix(seed ^ what.what.value) ^ what.attempt.value) ^ place);
}

} // namespace

lasting_memory fresh_memory(std::size_t bytes) {
  struct held {
    ops::tensor memory;
    std::span<std::byte> all;
  };
  static_assert(residual::alignment <= 64, "tensors are aligned to 64 bytes");
  auto made = std::make_shared<held>();
  made->memory = ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(bytes)});
  made->all = {made->memory.bytes(), bytes};
  std::ranges::fill(made->all, std::byte{0});
  return {made, &made->all};
}

lasting_memory begun_memory(std::size_t bytes, worker_id worker, const unsent_source& unsent) {
  auto made = fresh_memory(bytes);
  const auto before = unsent ? unsent(worker) : std::vector<std::byte>();
  if (before.empty()) return made;
  if (before.size() != bytes)
    throw ops::device_error("what worker-" + to_string(worker) + " had not sent takes " +
                            std::to_string(before.size()) + " bytes, expected " +
                            std::to_string(bytes));
  std::ranges::copy(before, made->begin());
  return made;
}

push_encoder::push_encoder(encoder_options options)
    : options_(std::move(options)), residual_(opened(options_)) {}

void push_encoder::recover(std::span<const std::shared_ptr<const pull_reply>> replies) {
  for (std::uint32_t shard = 0; shard < replies.size(); ++shard)
    residual_.recover({shard}, replies[shard]->taken);
}

void push_encoder::settle(std::span<const settled_push> answers) {
  for (const auto& answer : answers) {
    const auto push = std::ranges::find(pending_, answer.what, &pending_push::what);
    if (push == pending_.end()) continue;
    if (answer.is_taken)
      residual_.acknowledge(answer.shard, push->sequence);
    else if (push->sequence == residual_.newest())
      push->refused.push_back(answer.shard);
    else
      residual_.undo(answer.shard, push->sequence);
    if (++push->answers == options_.elements.size() && push->refused.empty()) pending_.erase(push);
  }
}

/// Refusals that had come before the newest push was made.
void push_encoder::undo_refused() {
  for (auto& push : pending_)
    if (push.sequence != residual_.newest())
      for (const auto shard : std::exchange(push.refused, {})) residual_.undo(shard, push.sequence);
  std::erase_if(pending_, [this](const pending_push& push) {
    return push.refused.empty() && push.answers == options_.elements.size();
  });
}

void push_encoder::begin(lease_attempt_id what) {
  residual_.begin(residual_.newest().next(), what);
  begun_ = what;
}

gradient_part push_encoder::encode(const gradient_frame& frame, std::span<const float> gradient) {
  LAGRANGE_EXPECT(begun_ && gradient.size() == frame.elements, "a frame of no push");
  const auto before = residual_.before(frame.shard).subspan(frame.first, frame.elements);
  const auto values = residual_.after(frame.shard).subspan(frame.first, frame.elements);
  std::ranges::transform(gradient, before, values.begin(), std::plus<>());
  auto bytes = room(options_.writes->bytes_max(values.size()));
  const auto used = options_.writes->encode(values, key_of(options_.seed, *begun_, frame),
                                            std::as_writable_bytes(bytes.values<std::uint8_t>()));
  return {frame.first,
          bytes.slice(0, static_cast<std::int64_t>(used)),
          {options_.writes->name(), values.size()}};
}

void push_encoder::end() {
  const auto sequence = residual_.newest().next();
  residual_.end(sequence);
  undo_refused();
  pending_.push_back({sequence, *std::exchange(begun_, std::nullopt), 0, {}});
}

void push_encoder::abandon() {
  residual_.abandon();
  begun_.reset();
}

ops::tensor push_encoder::room(std::size_t bytes) {
  for (const auto& each : rooms_)
    if (!each.is_shared() && each.size_bytes() >= bytes)
      return each.slice(0, static_cast<std::int64_t>(bytes));
  return rooms_.emplace_back(ops::dtype::u8, ops::shape{static_cast<std::int64_t>(bytes)});
}

std::shared_ptr<const std::vector<std::byte>> push_encoder::copy() const {
  return std::make_shared<const std::vector<std::byte>>(options_.memory->begin(),
                                                        options_.memory->end());
}

double push_encoder::residual_norm() const {
  double sum = 0;
  for (std::uint32_t shard = 0; shard < options_.elements.size(); ++shard) {
    const auto norm = residual_.norm({shard});
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

} // namespace lagrange::runtime
