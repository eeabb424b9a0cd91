#include "ops/cuda/stream_processor.hpp"

#include "ops/cuda/device_stream.hpp"
#include "ops/cuda/operations.hpp"
#include "ops/half.hpp"

#include <stdexcept>

namespace lagrange::ops::cuda {

namespace {

std::size_t bytes_of(const view& x) { return x.count * size_bytes(x.type); }

class stream_processor final : public processor {
public:
  explicit stream_processor(std::shared_ptr<device_stream> on) : on_(std::move(on)) {}

  void begin() override { on_->begin(); }
  tensor memory(std::size_t size_bytes) override { return on_->memory(size_bytes); }
  std::unique_ptr<operation> make(const operation_site& at, operation_maker) override {
    for (const auto& row : operations())
      if (row.name == at.key.name) return row.make(*on_, at);
    throw std::invalid_argument("the function \"" + std::string(at.key.name) +
                                "\" is written for the CPU only; compute on the device \"cpu\"");
  }
  bool computes_in(dtype) const override { return true; }

  view brought(const view& host) override {
    if (host.type == dtype::i32) return host;
    return {host.type, on_->bring_up(host.data, bytes_of(host)), host.count};
  }
  view gradient(std::span<float> host) override {
    return {dtype::f32, on_->bring_down(host.data(), host.size_bytes()), host.size()};
  }
  const float& promised(const view& number) override {
    return *static_cast<const float*>(copied(number));
  }
  void finish() override { on_->finish(); }
  bool is_deferred() const override { return true; }
  view readable(const view& x) override {
    if (x.type == dtype::i32) return x;
    auto* found = const_cast<void*>(copied(x)); // nobody else reads it
    on_->synchronise();
    return {dtype::f32, found, x.count};
  }

  void convert(const view& x, const view& y) override {
    if (x.type == y.type) return on_->copy(y.data, x.data, bytes_of(x));
    on_->run(&backend::convert,
             {x.type, y.type, static_cast<std::int64_t>(x.count), x.data, y.data});
  }
  void add(const view& x, const view& y) override {
    const typed_operand same(*on_, x, y.type);
    on_->run(&backend::add,
             {y.type, static_cast<std::int64_t>(y.count), y.data, same.data(), y.data});
  }
  void fill(const view& y, float value) override {
    if (value == 0) return on_->clear(y.data, bytes_of(y));
    LAGRANGE_EXPECT(y.count == 1, std::to_string(y.count) + " numbers of a device to be filled");
    const auto from = brought({dtype::f32, &value, 1});
    convert(from, y);
  }

private:
  const void* copied(const view& x) {
    const typed_operand wide(*on_, x, dtype::f32);
    return on_->copy_down(wide.data(), x.count * sizeof(float));
  }

  std::shared_ptr<device_stream> on_;
};

} // namespace

std::unique_ptr<processor> make_processor(const backend& table, int index) {
  return std::make_unique<stream_processor>(device_stream::open(table, index));
}

} // namespace lagrange::ops::cuda
