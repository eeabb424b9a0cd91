// Quantised to -127 .. 127 times a scale per block of 256, with stochastic rounding, so that what
// is decoded is right on average (Alistarh et al., QSGD, 2017).
//
// CO-1: what is left is exact up to one rounding to f32, half a unit in the last place of the
// scale.
#include "ops/contract.hpp"
#include "ops/vectorised.hpp"
#include "runtime/codec/loops.hpp"
#include "runtime/codec/rows.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

namespace {

class int8 final : public codec {
public:
  std::string name() const override { return "int8"; }
  bool is_lossless() const override { return false; }
  std::size_t bytes_max(std::size_t elements) const override {
    const auto blocks = (elements + codec_loops::int8_block - 1) / codec_loops::int8_block;
    return elements + blocks * sizeof(float);
  }

  std::size_t encode(std::span<float> values, std::uint64_t key,
                     std::span<std::byte> out) override {
    LAGRANGE_EXPECT(out.size() >= bytes_max(values.size()), "no room for the bytes of int8");
    ops::vectorised<&codec_loops::encode_int8>(values.data(), values.size(), key, out.data());
    return bytes_max(values.size());
  }

  result<void> decode(std::span<const std::byte> in, std::span<float> out) const override {
    BOOST_OUTCOME_TRY(check_size(*this, in.size(), out.size()));
    std::size_t decoded = 0;
    ops::vectorised<&codec_loops::decode_int8>(in.data(), out.size(), out.data(), &decoded);
    if (decoded == out.size()) return success();
    const auto block = decoded / codec_loops::int8_block;
    const auto scale = codec_loops::load<float>(in.data() + bytes_max(decoded));
    return failure(errc::bad_frame,
                   fmt::format("codec int8: the scale of block {} is {}, expected 0 to {}", block,
                               scale, codec_loops::int8_scale_max));
  }
};

} // namespace

result<std::unique_ptr<codec>> make_int8(std::string_view, std::unique_ptr<codec>) {
  return std::unique_ptr<codec>(std::make_unique<int8>());
}

} // namespace lagrange::runtime
