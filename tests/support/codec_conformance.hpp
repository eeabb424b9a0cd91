/// \file
/// The conformance kit for codecs: what every codec must keep, on numbers and on bytes that are
/// hard. Give it your own rows, as tests/runtime/codec_conformance_test.cpp does with lagrange's.
#pragma once

#include "ops/random.hpp"
#include "runtime/codec/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace lagrange::tests {

using codec_maker = std::function<std::unique_ptr<runtime::codec>()>;

/// Every stage that writes values; every stage that selects, by itself and with each of those
/// after it. Arguments are shares.
inline std::vector<std::string> codec_names(std::span<const runtime::codec_row> rows) {
  std::vector<std::string> values, selecting;
  for (const auto& row : rows)
    for (const char* argument : {"", ":0.01", ":0.3", ":1"})
      if (const auto text = std::string(row.name) + argument; runtime::make_codec(rows, text))
        (row.selects ? selecting : values).push_back(text);
  auto names = values;
  for (const auto& select : selecting) {
    names.push_back(select);
    for (const auto& value : values) names.push_back(select + " | " + value);
  }
  return names;
}

/// Numbers to encode, and what to call them.
struct numbers {
  std::string name;
  std::vector<float> values;
};

/// `count` numbers, each made from its position's random 64 bits.
template <class Make>
numbers make_numbers(std::string name, std::size_t count, Make make) {
  const ops::random_sequence drawn(7, count);
  numbers made{fmt::format("{} x {}", count, name), std::vector<float>(count)};
  for (std::size_t i = 0; i < count; ++i) made.values[i] = make(drawn.bits(i));
  return made;
}

/// Like a gradient: magnitudes over many powers of two.
inline float any_gradient(std::uint64_t bits) {
  const auto unit = static_cast<float>(bits >> 40) * 0x1p-24F - 0.5F;
  return std::ldexp(unit, -static_cast<int>(bits % 24));
}

inline std::vector<numbers> hard_numbers() {
  using limits = std::numeric_limits<float>;
  std::vector<numbers> all;
  for (const std::size_t count : {0, 1, 2, 3, 7, 255, 256, 257, 999, 22'000, 65'537})
    all.push_back(make_numbers("gradient", count, any_gradient));
  const auto sign = [](std::uint64_t bits) { return bits % 2 == 0 ? 1.0F : -1.0F; };
  all.push_back(make_numbers("zero", 777, [&](auto bits) { return 0 * sign(bits); }));
  all.push_back(make_numbers("equal", 777, [&](auto bits) { return 3 * sign(bits); }));
  all.push_back(make_numbers("denormal", 777, [&](auto bits) {
    return sign(bits) * limits::denorm_min() * static_cast<float>(bits >> 44);
  }));
  all.push_back(make_numbers("barely normal", 777, [&](auto bits) {
    return sign(bits) * limits::min() * static_cast<float>(1 + (bits >> 56));
  }));
  all.push_back(make_numbers("huge", 777, [&](auto bits) {
    return sign(bits) * std::ldexp(limits::max(), -static_cast<int>((bits >> 8) % 5));
  }));
  all.push_back(make_numbers("anything finite", 5001, [&](auto bits) {
    return sign(bits) * std::ldexp(1 + static_cast<float>(bits >> 41) * 0x1p-23F,
                                   static_cast<int>((bits >> 1) % 253) - 126);
  }));
  return all;
}

/// Whether the arithmetic of a codec leaves nothing to round, for these numbers.
using exactness = std::function<bool(std::span<const float>)>;

/// CO-1 and the promises of codec.hpp for one input. Empty, or what broke.
inline std::string find_codec_breach(const codec_maker& make, const numbers& of,
                                     const exactness& is_exact) {
  constexpr std::uint64_t key = 0x1234'5678'9abc'def0;
  constexpr std::byte untouched{0xa5};
  const auto by = make();
  const auto fail = [&](const std::string& text) {
    return fmt::format("{} on {}: {}", by->name(), of.name, text);
  };
  const auto room = by->bytes_max(of.values.size());
  std::vector<std::byte> bytes(room + 8, untouched), again(room);
  auto left = of.values, left_again = of.values;
  const auto size = by->encode(left, key, std::span(bytes).first(room));
  if (size > room) return fail(fmt::format("{} bytes, at most {} promised", size, room));
  for (auto i = size; i < bytes.size(); ++i)
    if (i >= room && bytes[i] != untouched) return fail("wrote past its room");
  if (make()->encode(left_again, key, again) != size || left != left_again ||
      !std::equal(again.begin(), again.begin() + static_cast<std::ptrdiff_t>(size), bytes.begin()))
    return fail("another result for the same key");

  const std::vector<std::byte> sent(bytes.begin(),
                                    bytes.begin() + static_cast<std::ptrdiff_t>(size));
  std::vector<float> decoded(of.values.size(), NAN);
  if (const auto done = make()->decode(sent, decoded); !done) return fail(done.error().text);
  if (by->is_lossless() && decoded != of.values) return fail("CO-1: lossless, but not the same");
  // Half a unit in the last place is at most 2^-24 of a normal number.
  const double allowed = is_exact(of.values) ? 0 : 0x1p-24, denormal = allowed * 0x1p-126;
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    if (!std::isfinite(decoded[i]) || !std::isfinite(left[i]))
      return fail(fmt::format("CO-1: {} became {} and {}", of.values[i], decoded[i], left[i]));
    const auto error = std::abs(double{of.values[i]} - decoded[i] - left[i]);
    const auto larger = std::max(std::abs(of.values[i]), std::abs(decoded[i]));
    if (error > allowed * larger + denormal)
      return fail(fmt::format("CO-1: {} became {} and {} is left, value {}", of.values[i],
                              decoded[i], left[i], i));
  }
  return {};
}

/// Decodes bytes of no good origin: an error of bad_frame, or finite numbers. The vectors are of
/// exact size, so that a sanitizer sees every step outside.
inline std::string find_decode_breach(const runtime::codec& by, const std::vector<std::byte>& in,
                                      std::size_t elements) {
  std::vector<float> out(elements);
  const auto done = by.decode(in, out);
  if (!done) {
    const auto& [code, text] = done.error();
    const bool is_good = code == runtime::errc::bad_frame && text.starts_with("codec ");
    return is_good ? "" : by.name() + ": unexpected error " + text;
  }
  return std::ranges::all_of(out, [](float x) { return std::isfinite(x); })
             ? ""
             : by.name() + ": decoded a number that is not finite";
}

/// Valid bytes cut off, extended and changed, and random bytes. Empty, or what broke.
inline std::string find_hostile_breach(const codec_maker& make, std::size_t elements,
                                       std::uint64_t seed, int tries) {
  const auto by = make();
  const ops::random_sequence drawn(seed, elements);
  std::uint64_t at = 0;
  const auto below = [&](std::size_t bound) { return drawn.bits(at++) % bound; };
  auto values = make_numbers("gradient", elements, any_gradient).values;
  std::vector<std::byte> valid(by->bytes_max(elements));
  valid.resize(by->encode(values, seed, valid));
  std::vector<float> out(elements);
  for (std::size_t size = 0; size < valid.size(); ++size)
    if (by->decode({valid.data(), size}, out))
      return fmt::format("{} accepts {} of {} bytes", by->name(), size, valid.size());
  auto longer = valid;
  longer.push_back(std::byte{0});
  if (by->decode(longer, out)) return by->name() + " accepts a byte too much";
  for (int i = 0; i < tries; ++i) {
    auto bytes = valid;
    if (i % 4 == 0) bytes.resize(below(2 * valid.size() + 16));
    const bool is_random = i % 2 == 0;
    for (auto n = is_random ? bytes.size() : 1 + below(4); n > 0 && !bytes.empty(); --n)
      bytes[below(bytes.size())] = static_cast<std::byte>(below(256));
    if (auto found = find_decode_breach(*by, bytes, elements); !found.empty())
      return fmt::format("{}, seed {}, try {}", found, seed, i);
  }
  return {};
}

} // namespace lagrange::tests
