// Sends the share of values that are largest; the rest waits in the residual until it has grown
// (Stich et al., Sparsified SGD with Memory, 2018; Lin et al., Deep Gradient Compression, 2018).
// The bytes: u32 count, the positions (positions.hpp), then the values as the next stage writes
// them.
#include "ops/contract.hpp"
#include "runtime/codec/largest.hpp"
#include "runtime/codec/loops.hpp"
#include "runtime/codec/positions.hpp"
#include "runtime/codec/rows.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace lagrange::runtime {

namespace {

class topk final : public codec {
public:
  topk(double share, std::unique_ptr<codec> rest) : share_(share), rest_(std::move(rest)) {}

  std::string name() const override {
    const auto own = fmt::format("topk:{}", share_);
    return rest_->is_lossless() ? own : own + " | " + rest_->name();
  }
  bool selects() const override { return true; }
  bool is_lossless() const override { return false; }
  std::size_t bytes_max(std::size_t elements) const override {
    const auto count = count_of(elements);
    return sizeof(std::uint32_t) + positions_bytes_max(count, elements) + rest_->bytes_max(count);
  }

  std::size_t encode(std::span<float> values, std::uint64_t key,
                     std::span<std::byte> out) override {
    LAGRANGE_EXPECT(out.size() >= bytes_max(values.size()), "no room for the bytes of topk");
    const auto positions = largest_.find(values, count_of(values.size()));
    codec_loops::store(out.data(), static_cast<std::uint32_t>(positions.size()));
    auto written = sizeof(std::uint32_t);
    written += write_positions(positions, values.size(), out.subspan(written));
    picked_.resize(positions.size());
    for (std::size_t i = 0; i < positions.size(); ++i) picked_[i] = values[positions[i]];
    written += rest_->encode(picked_, key, out.subspan(written));
    for (std::size_t i = 0; i < positions.size(); ++i) values[positions[i]] = picked_[i];
    return written;
  }

  result<void> decode(std::span<const std::byte> in, std::span<float> out) const override {
    const auto expected = count_of(out.size());
    if (in.size() < sizeof(std::uint32_t))
      return refuse(fmt::format("{} bytes, expected at least 4 with the count", in.size()));
    if (const auto count = codec_loops::load<std::uint32_t>(in.data()); count != expected)
      return refuse(
          fmt::format("a count of {}, expected {} of {} values", count, expected, out.size()));
    in = in.subspan(sizeof(std::uint32_t));
    std::vector<std::uint32_t> positions(expected);
    const auto read = read_positions(in, out.size(), positions);
    if (!read) return refuse(read.error().text);
    std::vector<float> picked(expected);
    BOOST_OUTCOME_TRY(rest_->decode(in.subspan(read.value()), picked));
    std::ranges::fill(out, 0.0F);
    for (std::size_t i = 0; i < expected; ++i) out[positions[i]] = picked[i];
    return success();
  }

private:
  // The share is meant as the decimal number that was written: 0.07 of 100 are 7, not 8, although
  // the nearest double is a little more.
  std::size_t count_of(std::size_t elements) const {
    LAGRANGE_EXPECT(elements <= UINT32_MAX, "topk counts positions in 32 bits");
    return static_cast<std::size_t>(
        std::ceil(share_ * static_cast<double>(elements) * (1 - 0x1p-50)));
  }

  result<void> refuse(const std::string& text) const {
    return failure(errc::bad_frame, fmt::format("codec {}: {}", name(), text));
  }

  double share_;
  std::unique_ptr<codec> rest_;
  largest_elements largest_;
  std::vector<float> picked_;
};

} // namespace

result<std::unique_ptr<codec>> make_topk(std::string_view argument, std::unique_ptr<codec> rest) {
  double share = 0;
  const auto end = argument.data() + argument.size();
  const auto [stop, problem] = std::from_chars(argument.data(), end, share);
  if (stop != end || problem != std::errc{} || !(share > 0 && share <= 1))
    return failure(errc::bad_argument,
                   fmt::format("the share of codec topk is \"{}\", expected a number above 0 and "
                               "up to 1, as in topk:0.01",
                               argument));
  if (!rest) rest = make_none("", nullptr).value();
  return std::unique_ptr<codec>(std::make_unique<topk>(share, std::move(rest)));
}

} // namespace lagrange::runtime
