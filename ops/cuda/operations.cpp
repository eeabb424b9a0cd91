#include "ops/cuda/operations.hpp"

#include <array>
#include <vector>

namespace lagrange::ops::cuda {

std::span<const operation_row> operations() {
  static const auto all = [] {
    std::vector<operation_row> rows;
    for (const auto family :
         {elementwise_operations(), product_operations(), image_operations(), norm_operations(),
          row_operations(), loss_operations(), pair_operations()})
      rows.insert(rows.end(), family.begin(), family.end());
    return rows;
  }();
  return all;
}

typed_operand::typed_operand(device_stream& on, const view& x, dtype type) : data_(x.data) {
  if (x.type == type || x.empty()) return;
  copy_.emplace(on, x.count * size_bytes(type));
  data_ = copy_->data();
  on.run(&backend::convert, {x.type, type, count_of(x), x.data, copy_->data()});
}

typed_result::typed_result(device_stream& on, const view& y, dtype type)
    : typed_result(on, y, type, 0) {}

typed_result typed_result::always(device_stream& on, const view& y, dtype type, std::size_t count) {
  return {on, y, type, count};
}

typed_result::typed_result(device_stream& on, const view& y, dtype type, std::size_t count)
    : on_(on), y_(y), type_(type) {
  if (!y.empty() && y.type == type) {
    data_ = y.data;
    return;
  }
  const auto wanted = y.empty() ? count : y.count;
  if (wanted == 0) return;
  beside_.emplace(on, wanted * size_bytes(type));
  data_ = beside_->data();
}

void typed_result::store() {
  if (y_.empty() || !beside_) return;
  on_.run(&backend::convert, {type_, y_.type, count_of(y_), data_, y_.data});
}

void scale_by(device_stream& on, const float* x, std::int64_t count, const view& by, float* y) {
  // A product of [1, 1] and [1, count]: the backend's factors are of the host.
  on.run(&backend::product, product_call{.type = dtype::f32,
                                         .y_type = dtype::f32,
                                         .rows = 1,
                                         .inner = 1,
                                         .columns = count,
                                         .a = {.at = by.data},
                                         .b = {.at = x},
                                         .y = y});
}

void relu_slopes(device_stream& on, const view& y, const view& d_y) {
  on.run(&backend::activation_slopes,
         {activation::relu, d_y.type, count_of(d_y), y.data, d_y.data, d_y.data});
}

} // namespace lagrange::ops::cuda
