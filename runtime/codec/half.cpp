// Two bytes a value. f16 keeps 11 significant bits of numbers up to 65504 and saturates beyond, so
// that what is left stays finite and is sent later; bf16 keeps 8 bits and all of f32's range.
//
// CO-1 holds to the bit, except for magnitudes of 2^29 and more under f16: what is left of them has
// more digits than an f32, and is rounded to the nearest.
#include "ops/contract.hpp"
#include "ops/vectorised.hpp"
#include "runtime/codec/loops.hpp"
#include "runtime/codec/rows.hpp"

namespace lagrange::runtime {

namespace {

template <class Half>
class half final : public codec {
public:
  explicit half(std::string_view name) : name_(name) {}
  std::string name() const override { return std::string(name_); }
  bool is_lossless() const override { return false; }
  std::size_t bytes_max(std::size_t elements) const override { return elements * 2; }

  std::size_t encode(std::span<float> values, std::uint64_t, std::span<std::byte> out) override {
    LAGRANGE_EXPECT(out.size() >= bytes_max(values.size()), "no room for the bytes of " + name());
    ops::vectorised<&codec_loops::encode_half<Half>>(values.data(), values.size(), out.data());
    return bytes_max(values.size());
  }

  result<void> decode(std::span<const std::byte> in, std::span<float> out) const override {
    BOOST_OUTCOME_TRY(check_size(*this, in.size(), out.size()));
    std::uint32_t largest = 0;
    ops::vectorised<&codec_loops::decode_half<Half>>(in.data(), out.size(), out.data(), &largest);
    if (largest >= codec_loops::infinite) return not_finite(*this, out);
    return success();
  }

private:
  std::string_view name_;
};

} // namespace

result<std::unique_ptr<codec>> make_f16(std::string_view, std::unique_ptr<codec>) {
  return std::unique_ptr<codec>(std::make_unique<half<codec_loops::f16>>("f16"));
}

result<std::unique_ptr<codec>> make_bf16(std::string_view, std::unique_ptr<codec>) {
  return std::unique_ptr<codec>(std::make_unique<half<codec_loops::bf16>>("bf16"));
}

} // namespace lagrange::runtime
