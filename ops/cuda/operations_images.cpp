// Pooling and shortcuts.
#include "ops/cuda/image_calls.hpp"
#include "ops/cuda/operations.hpp"

namespace lagrange::ops::cuda {

namespace {

window_shape windows_of(const operation_site& at, std::int64_t padding) {
  const auto& x = at.x[0];
  return {static_cast<int>(x[0]),          static_cast<int>(x[1]),
          static_cast<int>(x[2]),          static_cast<int>(x[3]),
          static_cast<int>(number(at, 0)), static_cast<int>(number(at, 1)),
          static_cast<int>(padding)};
}

template <pooling how>
class pool_operation final : public operation {
public:
  pool_operation(device_stream& on, const operation_site& at)
      : on_(on), at_(windows_of(at, how == pooling::average ? number(at, 2) : 0)) {
    if (how == pooling::largest)
      chosen_ = on.memory(static_cast<std::size_t>(at.y.elements()) * sizeof(std::int32_t));
  }
  void forward(const forward_pass& pass) override {
    const typed_operand x(on_, pass.x[0], pass.y.type);
    on_.run(&backend::pool, {how, pass.y.type, at_, x.data(), pass.y.data, chosen()});
  }
  void backward(const backward_pass& pass) override {
    typed_result d_x(on_, pass.d_x[0], pass.d_y.type);
    on_.run(&backend::pool_slopes, {how, pass.d_y.type, at_, pass.d_y.data, chosen(), d_x.data()});
    d_x.store();
  }

private:
  std::int32_t* chosen() {
    return chosen_.empty() ? nullptr : reinterpret_cast<std::int32_t*>(chosen_.bytes());
  }
  device_stream& on_;
  window_shape at_;
  tensor chosen_; ///< of each window, which pixel was the largest
};

class pixel_mean_operation final : public operation {
public:
  pixel_mean_operation(device_stream& on, const operation_site& at)
      : on_(on), batch_(at.x[0][0]), pixels_(at.x[0][1] * at.x[0][2]), channels_(at.x[0][3]) {}
  void forward(const forward_pass& pass) override {
    const typed_operand x(on_, pass.x[0], pass.y.type);
    on_.run(&backend::pixel_mean, {pass.y.type, batch_, pixels_, channels_, x.data(), pass.y.data});
  }
  void backward(const backward_pass& pass) override {
    typed_result d_x(on_, pass.d_x[0], pass.d_y.type);
    on_.run(&backend::pixel_mean_slopes,
            {pass.d_y.type, batch_, pixels_, channels_, pass.d_y.data, d_x.data()});
    d_x.store();
  }

private:
  device_stream& on_;
  std::int64_t batch_, pixels_, channels_;
};

class subsample_operation final : public operation {
public:
  subsample_operation(device_stream& on, const operation_site& at)
      : on_(on), at_{static_cast<int>(at.x[0][0]),    static_cast<int>(at.x[0][1]),
                     static_cast<int>(at.x[0][2]),    static_cast<int>(at.x[0][3]),
                     static_cast<int>(number(at, 0)), static_cast<int>(at.y[3])} {}
  void forward(const forward_pass& pass) override {
    const typed_operand x(on_, pass.x[0], pass.y.type);
    on_.run(&backend::subsample, {pass.y.type, at_, x.data(), pass.y.data});
  }
  void backward(const backward_pass& pass) override {
    typed_result d_x(on_, pass.d_x[0], pass.d_y.type);
    on_.run(&backend::subsample_slopes, {pass.d_y.type, at_, pass.d_y.data, d_x.data()});
    d_x.store();
  }

private:
  device_stream& on_;
  subsample_shape at_;
};

constexpr operation_row rows[] = {
    {"max_pool", make_one<pool_operation<pooling::largest>>},
    {"average_pool", make_one<pool_operation<pooling::average>>},
    {"global_average_pool", make_one<pixel_mean_operation>},
    {"subsample", make_one<subsample_operation>},
};

} // namespace

std::span<const operation_row> image_operations() { return rows; }

} // namespace lagrange::ops::cuda
