#include "runtime/transport/payload_block.hpp"

namespace lagrange::runtime::transport {

payload_block::payload_block(block_pool& memory, std::span<const std::uint32_t> sizes)
    : count_(sizes.size()) {
  for (std::size_t i = 0; i < count_; ++i) {
    sizes_[i] = sizes[i];
    offsets_[i] = bytes_;
    bytes_ += (sizes[i] + alignment - 1) / alignment * alignment;
  }
  if (count_ == 0) return;
  memory_ = memory.take(bytes_);
  data_ = memory_.data();
}

std::span<std::byte> payload_block::operator[](std::size_t payload) const {
  return {data_ + offsets_[payload], sizes_[payload]};
}

ops::tensor payload_block::view(std::size_t payload) const {
  return {ops::dtype::u8, ops::shape{std::int64_t{sizes_[payload]}}, shared_, offsets_[payload]};
}

} // namespace lagrange::runtime::transport
