#include "runtime/transport/payload_block.hpp"

namespace lagrange::runtime::transport {

namespace {

struct kept {
  std::shared_ptr<const void> keeper; // outlives the block
  block memory;
};

} // namespace

payload_block::payload_block(block_pool& memory, std::span<const std::uint32_t> sizes)
    : count_(sizes.size()) {
  for (std::size_t i = 0; i < count_; ++i) {
    sizes_[i] = sizes[i];
    offsets_[i] = bytes_;
    bytes_ += (sizes[i] + alignment - 1) / alignment * alignment;
  }
  if (count_ > 0) memory_ = memory.take(bytes_);
}

std::span<std::byte> payload_block::operator[](std::size_t payload) const {
  return {memory_.data() + offsets_[payload], sizes_[payload]};
}

void payload_block::share(std::shared_ptr<const void> keeper) {
  auto* data = memory_.data();
  shared_ = std::make_shared<ops::buffer>(
      data, bytes_, std::make_shared<kept>(kept{std::move(keeper), std::move(memory_)}));
}

ops::tensor payload_block::view(std::size_t payload) const {
  return {ops::dtype::u8, ops::shape{std::int64_t{sizes_[payload]}}, shared_, offsets_[payload]};
}

} // namespace lagrange::runtime::transport
