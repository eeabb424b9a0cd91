#include "ops/functions.hpp"
#include "ops/random.hpp"
#include "ops/vectorised.hpp"

#include <cmath>

namespace lagrange::ops {

namespace {

struct dropped {
  random_sequence drawn;
  std::uint64_t below; ///< of the upper 24 bits; what random_sequence::unit() compares as a float
  float factor;        ///< of what is kept
};

inline void dropout_loop(dropped by, const float* x, float* y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    y[i] = (by.drawn.bits(i) >> 40) < by.below ? 0.0F : x[i] * by.factor;
}

class dropout_operation final : public operation {
public:
  explicit dropout_operation(double share)
      : below_(static_cast<std::uint64_t>(std::ceil(share * 0x1p24))),
        factor_(static_cast<float>(1 / (1 - share))) {}

  void forward(const forward_pass& pass) override {
    write(pass.key, pass.x[0].in().data(), pass.y);
  }
  void backward(const backward_pass& pass) override {
    write(pass.key, pass.d_y.in().data(), pass.d_y);
  }
  bool passes_gradient() const override { return true; }

private:
  void write(std::uint64_t key, const float* x, const view& y) const {
    const dropped by{random_sequence(key, 0), below_, factor_};
    vectorised<&dropout_loop>(by, x, y.out().data(), y.count);
  }

  std::uint64_t below_;
  float factor_;
};

} // namespace

variable dropout(const variable& x, float share) {
  LAGRANGE_EXPECT(share >= 0 && share < 1, "a dropout of " + std::to_string(share));
  if (share == 0 || x.on().mode() == pass_mode::evaluation) return x;
  const auto extents = x.extents();
  return x.on().record({"dropout", {share}}, {x}, extents, [](const operation_site& at) {
    return std::unique_ptr<operation>(new dropout_operation(at.key.numbers[0]));
  });
}

} // namespace lagrange::ops
