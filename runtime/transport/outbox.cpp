#include "runtime/transport/outbox.hpp"

#include "runtime/transport/record.hpp"

#include <utility>

namespace lagrange::runtime::transport {

namespace {

std::size_t index_of(urgency x) { return static_cast<std::size_t>(x); }

// What a frame takes while it waits: tiny frames count with what they cost besides their bytes.
std::uint64_t cost(const outgoing& x) {
  return record_bytes + sizeof(outgoing) + x.head_bytes() + x.what.payload_bytes();
}

bool always_passes(const outgoing& x) {
  return x.what.first == urgency::control && !x.has_payloads();
}

} // namespace

bool outbox::has_room_for(const outgoing& what) const {
  if (always_passes(what)) return control_bytes_ + cost(what) <= limits::control_bytes_max;
  return bulk_bytes_ == 0 || bulk_bytes_ + cost(what) <= queue_bytes_max_;
}

void outbox::put(std::unique_ptr<outgoing> what) {
  bytes_of(*what) += cost(*what);
  ++count_;
  waiting_[index_of(what->what.first)].push_back(std::move(what));
}

void outbox::hold(std::unique_ptr<outgoing> what, std::uint64_t bytes, time_point now) {
  bytes_of(*what) += cost(*what);
  const auto first = what->what.first;
  injected_->put(std::move(what), first, bytes, now);
}

bool outbox::release(time_point now) {
  bool has_moved = false;
  while (auto next = injected_->take(now)) {
    ++count_;
    waiting_[index_of((*next)->what.first)].push_back(std::move(*next));
    has_moved = true;
  }
  return has_moved;
}

void outbox::put_back(std::unique_ptr<outgoing> what) {
  bytes_of(*what) += cost(*what);
  ++count_;
  waiting_[index_of(what->what.first)].push_front(std::move(what));
}

std::uint64_t& outbox::bytes_of(const outgoing& what) {
  return always_passes(what) ? control_bytes_ : bulk_bytes_;
}

bool outbox::is_granted(const outgoing& what) const {
  return what.has_started || !what.has_payloads() ||
         (held_bytes_ + what.what.payload_bytes() <= credit_bytes_ &&
          held_frames_ < limits::frames_held_max);
}

outgoing* outbox::next() {
  is_starved_ = false;
  for (auto& line : waiting_) {
    if (line.empty()) continue;
    auto& first = *line.front();
    // Credit that a more urgent frame waits for is not taken by others, or a large one would
    // starve.
    const bool needs_credit = first.has_payloads() && !first.has_started;
    if (!is_granted(first) || (needs_credit && is_starved_)) {
      is_starved_ = true;
      continue;
    }
    if (needs_credit) {
      held_bytes_ += first.what.payload_bytes();
      ++held_frames_;
    }
    first.has_started = true;
    return &first;
  }
  return nullptr;
}

std::unique_ptr<outgoing> outbox::take(urgency of) {
  auto& line = waiting_[index_of(of)];
  auto taken = std::move(line.front());
  line.pop_front();
  --count_;
  bytes_of(*taken) -= cost(*taken);
  return taken;
}

bool outbox::give_back(std::uint64_t bytes, std::uint64_t frames) {
  if (bytes > held_bytes_ || frames > held_frames_) return false;
  held_bytes_ -= bytes;
  held_frames_ -= frames;
  return true;
}

} // namespace lagrange::runtime::transport
