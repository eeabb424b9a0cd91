#include "ops/processor.hpp"

#include "ops/elementwise.hpp"
#include "ops/half_kernels.hpp"
#include "ops/retyped.hpp"

#include <algorithm>

namespace lagrange::ops {

namespace {

class host final : public processor {
public:
  explicit host(std::unique_ptr<const half_kernels> kernels) : kernels_(std::move(kernels)) {}

  void begin() override {}
  tensor memory(std::size_t size_bytes) override {
    return {dtype::u8, {static_cast<std::int64_t>(size_bytes)}};
  }
  std::unique_ptr<operation> make(const operation_site& at, operation_maker on_host) override {
    auto site = at;
    site.kernels = kernels_.get();
    return on_host(site);
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

  void convert(const view& x, const view& y) override { ops::convert(x, y); }
  void add(const view& x, const view& y) override { add_to(x.in(), y.out()); }
  void fill(const view& y, float value) override { std::ranges::fill(y.out(), value); }

private:
  std::unique_ptr<const half_kernels> kernels_;
  float promised_ = 0;
};

} // namespace

std::unique_ptr<processor> host_processor() { return host_processor(onednn_half_kernels()); }

std::unique_ptr<processor> host_processor(std::unique_ptr<const half_kernels> kernels) {
  return std::make_unique<host>(std::move(kernels));
}

} // namespace lagrange::ops
