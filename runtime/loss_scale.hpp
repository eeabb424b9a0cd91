/// \file
/// The scale of the loss under f16, whose small gradients would become zero: as large as it can be
/// without overflow, found by trying. A power of two, so that scaling rounds nothing.
///
/// Paper: Micikevicius et al.: Mixed Precision Training (ICLR 2018).
#pragma once

#include <algorithm>
#include <cstdint>

namespace lagrange::runtime {

class loss_scale {
public:
  float value() const { return value_; }
  /// A step whose gradient was finite.
  void succeeded() {
    if (++good_ < growth_steps) return;
    good_ = 0;
    value_ = std::min(2 * value_, largest);
  }
  /// A step that has to be skipped.
  void overflowed() {
    good_ = 0;
    value_ = std::max(value_ / 2, 1.0F);
  }

private:
  static constexpr std::uint32_t growth_steps = 2000;
  static constexpr float largest = 0x1p24F;
  float value_ = 0x1p16F;
  std::uint32_t good_ = 0;
};

} // namespace lagrange::runtime
