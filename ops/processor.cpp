#include "ops/processor.hpp"

#include "ops/elementwise.hpp"
#include "ops/half.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

class host final : public processor {
public:
  void begin() override {}
  tensor memory(std::size_t size_bytes) override {
    return {dtype::u8, {static_cast<std::int64_t>(size_bytes)}};
  }
  std::unique_ptr<operation> make(const operation_site& at, operation_maker on_host) override {
    return on_host(at);
  }
  bool computes_in(dtype) const override { return false; }

  view brought(const view& x) override { return x; }
  view gradient(std::span<float> x) override { return {dtype::f32, x.data(), x.size()}; }
  const float& promised(const view& number) override {
    promised_ = number.in()[0];
    return promised_;
  }
  void finish() override {}
  bool is_deferred() const override { return false; }
  view readable(const view& x) override { return x; }

  void convert(const view& x, const view& y) override {
    if (is_half(y.type))
      narrow(x.in(), y.type, y.data);
    else if (is_half(x.type))
      widen(x.data, x.type, y.out());
    else
      std::ranges::copy(x.in(), y.out().begin());
  }
  void add(const view& x, const view& y) override { add_to(x.in(), y.out()); }
  void fill(const view& y, float value) override { std::ranges::fill(y.out(), value); }

private:
  float promised_ = 0;
};

} // namespace

std::unique_ptr<processor> host_processor() { return std::make_unique<host>(); }

} // namespace lagrange::ops
