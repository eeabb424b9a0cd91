#include "ops/retyped.hpp"

#include "ops/half.hpp"

#include <cstring>

namespace lagrange::ops {

void convert(const view& x, const view& y) {
  LAGRANGE_EXPECT(x.count == y.count, std::to_string(x.count) + " numbers to be " +
                                          std::to_string(y.count) + " of another type");
  if (x.type == y.type)
    std::memcpy(y.data, x.data, x.count * size_bytes(x.type));
  else if (is_half(y.type))
    narrow(x.in(), y.type, y.data);
  else
    widen(x.data, x.type, y.out());
}

view retyped::own(std::size_t count) {
  const auto size = count * size_bytes(type_);
  if (!own_ || own_->size_bytes() < size) own_ = std::make_unique<buffer>(size);
  return {type_, own_->data(), count};
}

const void* retyped::read(const view& x) {
  if (x.type == type_) return x.data;
  const auto copy = own(x.count);
  convert(x, copy);
  return copy.data;
}

void* retyped::target(const view& y) { return y.type == type_ ? y.data : own(y.count).data; }

void retyped::taken(const view& y) {
  if (y.type != type_) convert(own(y.count), y);
}

} // namespace lagrange::ops
