#include "ops/cuda/device_stream.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace lagrange::ops::cuda {

namespace {

// Of what is brought together in pinned memory: that much is copied while more is put there.
constexpr std::size_t copy_bytes_max = std::size_t{4} << 20;
constexpr std::size_t piece_bytes_min = std::size_t{256} << 10;
constexpr std::size_t alignment = 256;

} // namespace

std::shared_ptr<device_stream> device_stream::open(const backend& table, int index) {
  return std::shared_ptr<device_stream>(new device_stream(table, index));
}

device_stream::device_stream(const backend& table, int index) : table_(table), index_(index) {
  // The device's memory is the only limit: a worker shares it with whoever else works there.
  check(table_.open(index, SIZE_MAX, &context_));
  if (const status why = table_.open_stream(context_, &stream_); why != nullptr) {
    table_.close(context_);
    fail(why);
  }
}

device_stream::~device_stream() {
  table_.synchronise(stream_);
  for (auto* each : {&up_, &down_, &copied_}) close(*each);
  table_.close_stream(stream_);
  table_.close(context_);
}

void device_stream::close(lane& of) noexcept {
  for (auto& each : of.pieces) {
    table_.release_pinned(context_, each.host);
    if (each.device != nullptr) table_.release(context_, each.device);
  }
}

void device_stream::fail(status why) const {
  throw device_error("CUDA device " + std::to_string(index_) + ": " + why);
}

void device_stream::copy(void* to, const void* from, std::size_t size_bytes) {
  flush();
  is_busy_ = true;
  check(table_.copy_within(stream_, to, from, size_bytes));
}

void device_stream::clear(void* memory, std::size_t size_bytes) {
  flush();
  is_busy_ = true;
  check(table_.clear(stream_, memory, size_bytes));
}

void* device_stream::allocate(std::size_t size_bytes) {
  void* made = nullptr;
  check(table_.allocate(stream_, size_bytes, &made));
  return made;
}

void device_stream::release(void* memory) noexcept { table_.release(context_, memory); }

tensor device_stream::memory(std::size_t size_bytes) {
  auto self = shared_from_this();
  const std::shared_ptr<void> keeper(allocate(size_bytes),
                                     [self](void* memory) { self->release(memory); });
  auto whole = std::make_shared<buffer>(static_cast<std::byte*>(keeper.get()), size_bytes, keeper,
                                        device{.kind = device::kind_type::cuda, .index = index_});
  return {dtype::u8, {static_cast<std::int64_t>(size_bytes)}, std::move(whole)};
}

void device_stream::begin() {
  if (is_busy_) synchronise();
  for (auto* each : {&up_, &down_, &copied_}) restart(*each);
  promises_.clear();
}

void device_stream::restart(lane& of) {
  of.at = 0;
  for (auto& each : of.pieces) each.used_bytes = each.copied_bytes = 0;
}

/// The piece of the lane that has room for so many bytes behind those it holds.
device_stream::piece& device_stream::room_in(lane& of, std::size_t size_bytes) {
  for (; of.at < of.pieces.size(); ++of.at) {
    auto& each = of.pieces[of.at];
    each.used_bytes = (each.used_bytes + alignment - 1) / alignment * alignment;
    if (each.size_bytes >= size_bytes + each.used_bytes) return each;
  }
  piece made;
  made.size_bytes =
      std::max(size_bytes, of.pieces.empty() ? piece_bytes_min : 2 * of.pieces.back().size_bytes);
  void* host = nullptr;
  check(table_.allocate_pinned(context_, made.size_bytes, &host));
  made.host = static_cast<std::byte*>(host);
  auto& kept = of.pieces.emplace_back(made); // before what may fail, so that it is given back
  if (&of != &copied_) kept.device = static_cast<std::byte*>(allocate(made.size_bytes));
  return kept;
}

void* device_stream::bring_up(const void* host, std::size_t size_bytes) {
  // What the lane leaves behind in an earlier piece must go, too.
  if (up_.at < up_.pieces.size() &&
      up_.pieces[up_.at].size_bytes < up_.pieces[up_.at].used_bytes + alignment + size_bytes)
    flush();
  auto& into = room_in(up_, size_bytes);
  const auto first = into.used_bytes;
  const auto* from = static_cast<const std::byte*>(host);
  for (std::size_t done = 0; done < size_bytes;) {
    const auto part = std::min(size_bytes - done, copy_bytes_max);
    std::memcpy(into.host + first + done, from + done, part);
    done += part;
    into.used_bytes = first + done;
    if (into.used_bytes - into.copied_bytes >= copy_bytes_max) flush();
  }
  return into.device + first;
}

void device_stream::flush() {
  if (up_.at >= up_.pieces.size()) return;
  auto& of = up_.pieces[up_.at];
  if (of.copied_bytes == of.used_bytes) return;
  is_busy_ = true;
  check(table_.copy_in(stream_, of.device + of.copied_bytes, of.host + of.copied_bytes,
                       of.used_bytes - of.copied_bytes));
  of.copied_bytes = of.used_bytes;
}

void* device_stream::bring_down(void* host, std::size_t size_bytes) {
  auto& from = room_in(down_, size_bytes);
  promises_.push_back({host, from.host + from.used_bytes, size_bytes});
  auto* const place = from.device + from.used_bytes;
  from.used_bytes += size_bytes;
  return place;
}

const void* device_stream::copy_down(const void* memory, std::size_t size_bytes) {
  flush();
  auto& to = room_in(copied_, size_bytes);
  auto* const place = to.host + to.used_bytes;
  to.used_bytes += size_bytes;
  is_busy_ = true;
  check(table_.copy_out(stream_, place, memory, size_bytes));
  return place;
}

void device_stream::finish() {
  flush();
  for (auto& each : down_.pieces)
    if (each.used_bytes > 0) {
      is_busy_ = true;
      check(table_.copy_out(stream_, each.host, each.device, each.used_bytes));
    }
  if (is_busy_) synchronise();
  for (const auto& each : promises_) std::memcpy(each.host, each.pinned, each.size_bytes);
  promises_.clear();
}

void device_stream::synchronise() {
  check(table_.synchronise(stream_));
  is_busy_ = false;
}

} // namespace lagrange::ops::cuda
