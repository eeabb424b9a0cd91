#include "ops/tensor.hpp"

#include <algorithm>
#include <new>

namespace lagrange::ops {

namespace {
constexpr std::size_t alignment = 64;

std::size_t padded(std::size_t bytes) {
  return std::max<std::size_t>((bytes + alignment - 1) / alignment, 1) * alignment;
}
} // namespace

std::size_t size_bytes(dtype type) {
  switch (type) {
  case dtype::f32:
  case dtype::i32:
    return 4;
  case dtype::f16:
  case dtype::bf16:
    return 2;
  case dtype::u8:
    return 1;
  }
  LAGRANGE_EXPECT(false, "unknown dtype " + std::to_string(static_cast<int>(type)));
}

std::string_view name(dtype type) {
  constexpr std::array<std::string_view, 5> names{"f32", "f16", "bf16", "i32", "u8"};
  const auto index = static_cast<std::size_t>(type);
  return index < names.size() ? names[index] : "unknown";
}

shape::shape(std::initializer_list<std::int64_t> extents)
    : shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

shape::shape(std::span<const std::int64_t> extents) : rank_(extents.size()) {
  LAGRANGE_EXPECT(extents.size() <= rank_max, "rank " + std::to_string(extents.size()));
  for (auto extent : extents) LAGRANGE_EXPECT(extent >= 0, "extent " + std::to_string(extent));
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

std::int64_t shape::elements() const {
  std::int64_t product = 1;
  for (auto extent : extents()) product *= extent;
  return product;
}

std::string to_string(const shape& extents) {
  std::string text = "[";
  for (auto extent : extents.extents()) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(extent);
  }
  return text + "]";
}

buffer::buffer(std::size_t size_bytes, device where) : size_bytes_(size_bytes), where_(where) {
  LAGRANGE_EXPECT(where.kind == device::kind_type::cpu, "buffers live on the CPU so far");
  data_ = static_cast<std::byte*>(
      ::operator new (padded(size_bytes), std::align_val_t{alignment}, std::nothrow));
  if (data_ == nullptr)
    throw device_error("out of memory: no " + std::to_string(size_bytes) + " bytes for a tensor");
}

buffer::buffer(std::byte* data, std::size_t size_bytes, std::shared_ptr<const void> keeper,
               device where)
    : data_(data), size_bytes_(size_bytes), where_(where), keeper_(std::move(keeper)) {
  LAGRANGE_EXPECT(keeper_ != nullptr, "memory that nobody keeps");
}

buffer::~buffer() {
  if (!keeper_) ::operator delete (data_, std::align_val_t{alignment});
}

tensor::tensor(dtype type, shape extents, device where) : type_(type), extents_(extents) {
  memory_ = std::make_shared<buffer>(size_bytes(), where);
}

tensor::tensor(dtype type, shape extents, std::shared_ptr<buffer> memory, std::size_t offset_bytes)
    : memory_(std::move(memory)), offset_(offset_bytes), type_(type), extents_(extents) {
  LAGRANGE_EXPECT(memory_ && offset_bytes <= memory_->size_bytes() &&
                      size_bytes() <= memory_->size_bytes() - offset_bytes,
                  "a view of " + std::to_string(size_bytes()) + " bytes that leaves its buffer");
  LAGRANGE_EXPECT(reinterpret_cast<std::uintptr_t>(bytes()) % ops::size_bytes(type) == 0,
                  "a view that is not aligned to its elements");
}

std::size_t tensor::size_bytes() const {
  return static_cast<std::size_t>(elements()) * ops::size_bytes(type_);
}

tensor tensor::slice(std::int64_t first, std::int64_t count) const {
  LAGRANGE_EXPECT(first >= 0 && count >= 0 && first <= elements() - count,
                  "elements " + std::to_string(first) + " to " + std::to_string(first + count) +
                      " of " + std::to_string(elements()));
  tensor part = *this;
  part.extents_ = shape{count};
  part.offset_ += static_cast<std::size_t>(first) * ops::size_bytes(type_);
  return part;
}

tensor tensor::view(dtype type, shape extents, std::size_t offset_bytes) const {
  return {type, extents, memory_, offset_ + offset_bytes};
}

tensor tensor::whole() const {
  return {dtype::u8, {static_cast<std::int64_t>(memory_->size_bytes())}, memory_};
}

void tensor::check(dtype wanted) const {
  LAGRANGE_EXPECT(memory_ != nullptr, "an empty tensor has no values");
  LAGRANGE_EXPECT(memory_->where() == device{}, "values of a tensor that is on a device");
  LAGRANGE_EXPECT(type_ == wanted, "a tensor of " + std::string(name(type_)) + " read as " +
                                       std::string(name(wanted)));
}

} // namespace lagrange::ops
