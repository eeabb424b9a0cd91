#include "bench/wire/encoders.hpp"

#include "ops/contract.hpp"
#include "ops/random.hpp"
#include "runtime/codec/codec.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace lagrange::bench {

namespace {

constexpr std::size_t elements = (4 << 20) / sizeof(float);

struct goal {
  std::string_view codec;
  double ratio_min;
};
constexpr goal goals[] = {{"none", 0},    {"f16", 0},         {"bf16", 0.2},
                          {"int8", 0.2},  {"topk:0.01", 0.1}, {"topk:0.01 | int8", 0.1},
                          {"topk:0.1", 0}};

/// A codec under measurement.
struct candidate {
  std::unique_ptr<runtime::codec> codec;
  std::vector<std::byte> bytes;
  std::vector<double> encode_s, decode_s;
};

/// Magnitudes of a gradient: most are small, a few are large.
std::vector<float> gradient() {
  const ops::random_sequence drawn(1, 0);
  std::vector<float> values(elements);
  for (std::size_t i = 0; auto& value : values) {
    float product = drawn.unit(i) - 0.5F;
    for (std::uint64_t factor = 1; factor < 4; ++factor)
      product *= drawn.unit(i + factor * elements);
    value = product;
    ++i;
  }
  return values;
}

template <class Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  asm volatile("" ::: "memory");
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The first decile of times: what the machine does when nobody else uses it.
double typical(std::vector<double> of) {
  const auto at = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 10);
  std::ranges::nth_element(of, at);
  return *at;
}

} // namespace

std::vector<encoder_rate> measure_encoders(int rounds) {
  std::vector<candidate> candidates;
  for (const auto& each : goals) {
    auto made = runtime::make_codec(runtime::codecs(), each.codec).value();
    const auto room = made->bytes_max(elements);
    candidates.push_back({std::move(made), std::vector<std::byte>(room), {}, {}});
  }
  const auto source = gradient();
  std::vector<float> values(elements), decoded(elements);
  std::vector<double> copies;
  std::vector<std::size_t> sizes(candidates.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      auto& of = candidates[i];
      // The copy that is measured is also the gradient's next life: encode leaves its residual.
      copies.push_back(seconds([&] { std::memcpy(values.data(), source.data(), 4 * elements); }));
      of.encode_s.push_back(seconds([&] {
        sizes[i] = of.codec->encode(values, static_cast<std::uint64_t>(round), of.bytes);
      }));
      of.decode_s.push_back(seconds([&] {
        const auto done = of.codec->decode(std::span(of.bytes).first(sizes[i]), decoded);
        LAGRANGE_EXPECT(done.has_value(), "a codec refuses its own bytes");
      }));
    }
  const double copy = typical(copies);
  std::vector<encoder_rate> rows;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    rows.push_back({candidates[i].codec->name(), copy / typical(candidates[i].encode_s),
                    goals[i].ratio_min, copy / typical(candidates[i].decode_s),
                    4.0 * elements / static_cast<double>(sizes[i])});
  return rows;
}

} // namespace lagrange::bench
