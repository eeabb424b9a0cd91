// Normalisations.
#include "ops/cuda/image_calls.hpp"
#include "ops/cuda/operations.hpp"
#include "ops/cuda/row_calls.hpp"

namespace lagrange::ops::cuda {

namespace {

float* floats_of(tensor& memory, std::int64_t first) {
  return reinterpret_cast<float*>(memory.bytes()) + first;
}

// Operands: x, scale, shift, and the kept mean and variance.
class batch_norm_operation final : public operation {
public:
  batch_norm_operation(device_stream& on, const operation_site& at)
      : on_(on), mode_(at.mode), channels_(at.x[1].elements()), rows_(at.y.elements() / channels_),
        epsilon_(static_cast<float>(at.key.numbers[0])), is_relu_(number(at, 1) != 0),
        room_(on.memory(4 * bytes())) {}

  void forward(const forward_pass& pass) override {
    const auto& y = pass.y;
    const bool trains = mode_ == pass_mode::training;
    const typed_operand x(on_, pass.x[0], y.type), gamma(on_, pass.x[1], dtype::f32),
        beta(on_, pass.x[2], dtype::f32);
    // From nothing and all of the way, running statistics are those of the batch.
    if (trains) on_.clear(batch(0), 2 * bytes());
    on_.run(&backend::batch_norm,
            {trains ? phase::training : phase::evaluation, y.type, rows_, channels_, epsilon_, 1,
             x.data(), gamma.floats(), beta.floats(), trains ? batch(0) : kept(pass.x[3]),
             trains ? batch(1) : kept(pass.x[4]), mean(), scale(), y.data});
    if (is_relu_)
      on_.run(&backend::activate, {activation::relu, y.type, count_of(y), y.data, y.data});
  }

  void backward(const backward_pass& pass) override {
    const auto& d_y = pass.d_y;
    const auto channels = static_cast<std::size_t>(channels_);
    if (is_relu_) relu_slopes(on_, pass.y, d_y);
    const typed_operand x(on_, pass.x[0], d_y.type), gamma(on_, pass.x[1], dtype::f32);
    typed_result d_x(on_, pass.d_x[0].empty() ? d_y : pass.d_x[0], d_y.type);
    auto d_gamma = typed_result::always(on_, pass.d_x[1], dtype::f32, channels);
    auto d_beta = typed_result::always(on_, pass.d_x[2], dtype::f32, channels);
    on_.run(&backend::batch_norm_slopes,
            {d_y.type, rows_, channels_, x.data(), gamma.floats(), mean(), scale(), d_y.data,
             d_x.data(), d_gamma.floats(), d_beta.floats()});
    for (auto* each : {&d_x, &d_gamma, &d_beta}) each->store();
    for (std::size_t i = 3; i < 5; ++i)
      if (!pass.d_x[i].empty()) write_distance(pass.x[i], batch(i - 3), pass.d_x[i]);
  }

private:
  std::size_t bytes() const { return static_cast<std::size_t>(channels_) * sizeof(float); }
  float* mean() { return floats_of(room_, 0); }
  float* scale() { return floats_of(room_, channels_); }
  /// The batch's mean, or its variance as it is for samples.
  float* batch(std::size_t which) {
    return floats_of(room_, (2 + static_cast<std::int64_t>(which)) * channels_);
  }
  static float* kept(const view& x) { return x.out().data(); } // evaluation reads it only

  void write_distance(const view& from, const float* to, const view& y) {
    on_.copy(y.data, from.data, bytes());
    on_.run(&backend::axpy, {dtype::f32, channels_, -1, to, y.data});
  }

  device_stream& on_;
  pass_mode mode_;
  std::int64_t channels_, rows_;
  float epsilon_;
  bool is_relu_;
  tensor room_; ///< [4, channels]
};

// Operands: x, scale, and shift if it has a mean.
template <bool has_mean>
class row_norm_operation final : public operation {
public:
  row_norm_operation(device_stream& on, const operation_site& at)
      : on_(on), shape_{at.y.elements() / at.x[1].elements(), at.x[1].elements(),
                        static_cast<float>(at.key.numbers[0])},
        room_(on.memory(2 * static_cast<std::size_t>(shape_.rows) * sizeof(float))) {}

  void forward(const forward_pass& pass) override {
    const typed_operand x(on_, pass.x[0], pass.y.type), gamma(on_, pass.x[1], dtype::f32),
        beta(on_, has_mean ? pass.x[2] : view(), dtype::f32);
    on_.run(&backend::row_norm, row_norm_call{pass.y.type,
                                              shape_,
                                              x.data(),
                                              {gamma.floats(), beta.floats()},
                                              mean(),
                                              scale(),
                                              pass.y.data});
  }

  void backward(const backward_pass& pass) override {
    const auto& d_y = pass.d_y;
    const auto columns = static_cast<std::size_t>(shape_.columns);
    const typed_operand x(on_, pass.x[0], d_y.type), gamma(on_, pass.x[1], dtype::f32);
    typed_result d_x(on_, pass.d_x[0].empty() ? d_y : pass.d_x[0], d_y.type);
    auto d_gamma = typed_result::always(on_, pass.d_x[1], dtype::f32, columns);
    typed_result d_beta(on_, has_mean ? pass.d_x[2] : view(), dtype::f32);
    on_.run(&backend::row_norm_slopes,
            row_norm_slopes_call{d_y.type, shape_, x.data(), gamma.floats(), mean(), scale(),
                                 d_y.data, d_x.data(), d_gamma.floats(), d_beta.floats()});
    for (auto* each : {&d_x, &d_gamma, &d_beta}) each->store();
  }

private:
  float* mean() { return has_mean ? floats_of(room_, shape_.rows) : nullptr; }
  float* scale() { return floats_of(room_, 0); }

  device_stream& on_;
  row_norm_shape shape_;
  tensor room_; ///< [2, rows]
};

constexpr operation_row rows[] = {
    {"batch_norm", make_one<batch_norm_operation>},
    {"layer_norm", make_one<row_norm_operation<true>>},
    {"rms_norm", make_one<row_norm_operation<false>>},
};

} // namespace

std::span<const operation_row> norm_operations() { return rows; }

} // namespace lagrange::ops::cuda
