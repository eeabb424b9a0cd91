// No codec: the bytes of the numbers.
#include "ops/contract.hpp"
#include "ops/vectorised.hpp"
#include "runtime/codec/loops.hpp"
#include "runtime/codec/rows.hpp"

namespace lagrange::runtime {

namespace {

class none final : public codec {
public:
  std::string name() const override { return "none"; }
  bool is_lossless() const override { return true; }
  std::size_t bytes_max(std::size_t elements) const override { return elements * sizeof(float); }

  std::size_t encode(std::span<float> values, std::uint64_t, std::span<std::byte> out) override {
    LAGRANGE_EXPECT(out.size() >= values.size_bytes(), "no room for the bytes of none");
    if (values.empty()) return 0;
    std::memcpy(out.data(), values.data(), values.size_bytes());
    std::memset(values.data(), 0, values.size_bytes());
    return values.size_bytes();
  }

  result<void> decode(std::span<const std::byte> in, std::span<float> out) const override {
    BOOST_OUTCOME_TRY(check_size(*this, in.size(), out.size()));
    std::uint32_t largest = 0;
    ops::vectorised<&codec_loops::decode_none>(in.data(), out.size(), out.data(), &largest);
    if (largest >= codec_loops::infinite) return not_finite(*this, out);
    return success();
  }
};

} // namespace

result<std::unique_ptr<codec>> make_none(std::string_view, std::unique_ptr<codec>) {
  return std::unique_ptr<codec>(std::make_unique<none>());
}

} // namespace lagrange::runtime
