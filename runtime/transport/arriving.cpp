#include "runtime/transport/arriving.hpp"

#include <algorithm>
#include <cstring>

namespace lagrange::runtime::transport {

namespace {

auto refuse_packed(const char* found) {
  return refuse("the packed payload", found, "as long as they");
}

} // namespace

void arriving::begin(const record& from, block_pool& memory) {
  what_ = {};
  what_.kind = from.kind;
  what_.first = from.first;
  what_.head.resize(from.head_words, boost::container::default_init);
  payloads_ = payload_block(memory, std::span(from.sizes).first(from.payloads));
  left_ = from.total;
  next_ = filled_ = 0;
  is_begun_ = true;
  is_packed_ = from.packed != 0;
  if (!is_packed_) return;
  if (!unpacker_) unpacker_ = std::make_unique<unpacker>();
  unpacker_->start();
}

std::span<std::byte> arriving::place() {
  while (next_ <= payloads_.count()) {
    const std::span<std::uint64_t> head(what_.head.data(), what_.head.size());
    const auto whole = next_ == 0 ? std::as_writable_bytes(head) : payloads_[next_ - 1];
    if (filled_ < whole.size()) return whole.subspan(filled_);
    ++next_;
    filled_ = 0;
  }
  return {};
}

std::span<std::byte> arriving::direct() {
  auto to = place();
  if (is_packed_ && next_ > 0) return {};
  return to.first(std::min<std::uint64_t>(to.size(), left_));
}

void arriving::advance(std::size_t bytes) {
  filled_ += bytes;
  left_ -= bytes;
}

result<void> arriving::take(std::span<const std::byte> bytes) {
  for (auto to = direct(); !bytes.empty() && !to.empty(); to = direct()) {
    const auto count = std::min(bytes.size(), to.size());
    std::memcpy(to.data(), bytes.data(), count);
    advance(count);
    bytes = bytes.subspan(count);
  }
  left_ -= bytes.size();
  return bytes.empty() ? result<void>(success()) : unpack(bytes);
}

result<void> arriving::unpack(std::span<const std::byte> bytes) {
  for (bool has_moved = true; has_moved && !unpacker_->is_over();) {
    auto to = place();
    const auto room = to.size();
    const auto offered = bytes.size();
    BOOST_OUTCOME_TRY(unpacker_->unpack(bytes, to));
    filled_ += room - to.size();
    has_moved = to.size() < room || bytes.size() < offered;
  }
  if (bytes.empty()) return success();
  return refuse_packed("longer than the payloads");
}

result<void> arriving::check_whole() {
  is_begun_ = false;
  if (is_packed_ && (!place().empty() || !unpacker_->is_over()))
    return refuse_packed("shorter than the payloads");
  return success();
}

frame arriving::finish(std::shared_ptr<const void> keeper) {
  if (has_payloads()) payloads_.share(std::move(keeper));
  for (std::size_t i = 0; i < payloads_.count(); ++i) what_.payloads.push_back(payloads_.view(i));
  payloads_ = {};
  return std::move(what_);
}

} // namespace lagrange::runtime::transport
