// What it costs to turn a 1 MiB push into a frame and back, beside memcpy of as many bytes.
//
// Goal: encode and decode each reach a quarter of memcpy's rate. Either is one copy into fresh
// memory plus one checksum over it.
#include "runtime/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <vector>

using namespace lagrange;
using namespace lagrange::runtime;

namespace {

constexpr std::int64_t push_elements = (1 << 20) / sizeof(float);
constexpr std::size_t push_bytes = push_elements * sizeof(float);
constexpr int rounds = 501, runs_a_round = 4;
constexpr double ratio_min = 0.25;

/// One round. Units: GB/s.
template <class Work>
double rate(Work work) {
  const auto start = std::chrono::steady_clock::now();
  for (int run = 0; run < runs_a_round; ++run) work();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return runs_a_round * static_cast<double>(push_bytes) / elapsed.count() / 1e9;
}

/// The ninth decile: what the machine does when nobody else uses it, without a lucky round.
double typical(std::vector<double> xs) {
  const auto at = xs.begin() + static_cast<std::ptrdiff_t>(xs.size() * 9 / 10);
  std::ranges::nth_element(xs, at);
  return *at;
}

} // namespace

int main() {
  gradient_push push;
  push.gradient = ops::tensor(ops::dtype::f32, {push_elements});
  std::ranges::fill(push.gradient.values<float>(), 0.5f);
  const auto frame = encode(push);
  std::vector<char> to(push_bytes);

  // All three in each round, because the host's clock drifts.
  std::vector<double> copies, encodes, decodes;
  std::size_t seen = 0; // keeps the work from being optimised away, and proves it was done
  for (int round = 0; round < rounds; ++round) {
    copies.push_back(rate([&] {
      std::memcpy(to.data(), push.gradient.bytes(), push_bytes);
      asm volatile("" ::"r"(to.data()) : "memory");
    }));
    encodes.push_back(rate([&] { seen += encode(push).size(); }));
    decodes.push_back(
        rate([&] { seen += decode<gradient_push>(frame).value().gradient.size_bytes(); }));
  }
  if (seen != std::size_t{rounds} * runs_a_round * (frame.size() + push_bytes)) {
    fmt::print("verdict: FAILED, the frames have the wrong size\n");
    return 1;
  }
  const auto copy = typical(copies), encoding = typical(encodes), decoding = typical(decodes);
  fmt::print("1 MiB push, ninth decile of {} rounds\n", rounds);
  fmt::print("memcpy  {:6.2f} GB/s\n", copy);
  fmt::print("encode  {:6.2f} GB/s  {:4.2f} of memcpy\n", encoding, encoding / copy);
  fmt::print("decode  {:6.2f} GB/s  {:4.2f} of memcpy\n", decoding, decoding / copy);
  const bool is_met = std::min(encoding, decoding) >= ratio_min * copy;
  fmt::print("verdict: {}, goal {:.2f} of memcpy's rate for encode and decode\n",
             is_met ? "met" : "MISSED", ratio_min);
  return is_met ? 0 : 1;
}
