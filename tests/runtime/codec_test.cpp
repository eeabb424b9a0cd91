// The laws of single codecs, and how they are named.
#include "runtime/codec/codec.hpp"

#include "ops/random.hpp"
#include "runtime/codec/largest.hpp"
#include "runtime/codec/loops.hpp"
#include "runtime/codec/positions.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

namespace lagrange::runtime {

namespace {

std::unique_ptr<codec> made(std::string_view text) { return make_codec(codecs(), text).value(); }

std::string error_of(std::string_view text) {
  const auto tried = make_codec(codecs(), text);
  return tried ? "" : tried.error().text;
}

std::vector<std::byte> encoded(codec& by, std::vector<float> values, std::uint64_t key = 1) {
  std::vector<std::byte> bytes(by.bytes_max(values.size()));
  bytes.resize(by.encode(values, key, bytes));
  return bytes;
}

float after(codec& by, float value) {
  float out = 0;
  REQUIRE(by.decode(encoded(by, {value}), {&out, 1}));
  return out;
}

std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const auto each : bytes) {
    constexpr auto digits = "0123456789abcdef";
    text += {digits[static_cast<unsigned>(each) >> 4], digits[static_cast<unsigned>(each) & 15]};
  }
  return text;
}

/// The finite f16 numbers that are not negative, ascending; their codes are their positions.
std::vector<double> all_f16() {
  std::vector<double> all;
  for (int exponent = 0; exponent < 31; ++exponent)
    for (int fraction = 0; fraction < 1024; ++fraction)
      all.push_back(exponent == 0 ? std::ldexp(fraction, -24)
                                  : std::ldexp(1024 + fraction, exponent - 25));
  return all;
}

/// By sorting everything.
std::vector<std::uint32_t> naive_largest(std::span<const float> values, std::size_t wanted) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(
      order, [&](auto a, auto b) { return std::abs(values[a]) > std::abs(values[b]); });
  order.resize(wanted);
  std::ranges::sort(order);
  return order;
}

void check_largest(const std::vector<float>& values) {
  largest_elements largest;
  for (const auto wanted : {std::size_t{0}, std::size_t{1}, values.size() / 100, values.size() / 3,
                            values.size() - 1, values.size()}) {
    const auto found = largest.find(values, wanted);
    CHECK(std::vector(found.begin(), found.end()) == naive_largest(values, wanted));
  }
}

void check_positions(const std::vector<std::uint32_t>& positions, std::size_t elements) {
  std::vector<std::byte> bytes(positions_bytes_max(positions.size(), elements));
  bytes.resize(write_positions(positions, elements, bytes));
  std::vector<std::uint32_t> read(positions.size());
  CHECK(read_positions(bytes, elements, read).value() == bytes.size());
  CHECK(read == positions);
}

} // namespace

TEST_CASE("a codec is spelled with or without spaces and named in one way", "[runtime][codec]") {
  CHECK(made("none")->name() == "none");
  CHECK(made(" bf16\t")->name() == "bf16");
  for (const auto text : {"topk:0.01|int8", "topk:0.01 | int8", " topk : 1e-2  |int8 "})
    CHECK(made(text)->name() == "topk:0.01 | int8");
  CHECK(made("topk:1")->name() == "topk:1");
  CHECK(made("topk:0.25 | none")->name() == "topk:0.25");
  for (const auto& row : codecs()) {
    if (row.selects) continue;
    CHECK(made(row.name)->name() == row.name);
    CHECK(made("topk:0.5|" + std::string(row.name)));
  }
  CHECK(made("none")->is_lossless());
  CHECK_FALSE(made("topk:0.5")->is_lossless());
}

TEST_CASE("a codec that cannot be is refused with what was expected", "[runtime][codec]") {
  CHECK(error_of("") == "the codec is empty, expected one of none, f16, bf16, int8, topk:SHARE");
  CHECK(error_of(" ") == error_of(""));
  CHECK(error_of("inte8") == "unknown codec \"inte8\", expected one of none, f16, bf16, int8, "
                             "topk:SHARE; did you mean \"int8\"?");
  CHECK(error_of("topk") == "codec \"topk\" has no argument, expected topk:SHARE");
  CHECK(error_of("int8:4") == "codec \"int8:4\" has an argument, expected int8");
  CHECK(error_of("topk:0.1 | int8:") == "codec \"int8:\" has an argument, expected int8");
  CHECK(error_of("int8 | none") ==
        "codec int8 is followed by none, but int8 writes every value it is given: expected nothing "
        "after it");
  CHECK_THAT(error_of("topk:0.1 | int8 | f16"), Catch::StartsWith("codec int8 is followed by f16"));
  CHECK(error_of("topk:0.1 | topk:0.1") ==
        "codecs topk and topk both select what is sent, expected one such stage and then one that "
        "writes values");
  for (const auto text : {"topk:0.1 |", "| int8", "topk:0.1||int8"})
    CHECK_THAT(error_of(text), Catch::Contains("has an empty stage"));
  for (const auto share : {"", "0", "-1", "1.01", "nan", "inf", "x", "0.1x", "0.1:2", "0x1"})
    CHECK(error_of(std::string("topk:") + share) ==
          std::string("the share of codec topk is \"") + share +
              "\", expected a number above 0 and up to 1, as in topk:0.01");
}

TEST_CASE("bytes that a codec cannot have written are refused with what was expected",
          "[runtime][codec]") {
  std::vector<float> out(300);
  const auto error = [&](std::string_view name, std::vector<std::byte> bytes) {
    return made(name)->decode(bytes, out).error().text;
  };
  CHECK(error("f16", {}) == "codec f16: 0 bytes for 300 values, expected 600");
  std::vector<std::byte> bytes(308);
  codec_loops::store(bytes.data() + 260, NAN);
  CHECK_THAT(error("int8", bytes), Catch::StartsWith("codec int8: the scale of block 1 is nan, "
                                                     "expected 0 to 2.6"));
  codec_loops::store(bytes.data() + 260, -1.0F);
  CHECK_THAT(error("int8", bytes), Catch::Contains("is -1, expected 0 to 2.6"));
  bytes.assign(1200, std::byte{0});
  codec_loops::store(bytes.data() + 28, -INFINITY);
  CHECK(error("none", bytes) == "codec none: value 7 is -inf, expected a finite number");
  CHECK(error("topk:0.01", {}) == "codec topk:0.01: 0 bytes, expected at least 4 with the count");
  bytes.assign(16, std::byte{0});
  CHECK(error("topk:0.01", bytes) == "codec topk:0.01: a count of 0, expected 3 of 300 values");
  bytes[0] = std::byte{3};
  CHECK(error("topk:0.01", bytes) == "codec topk:0.01: the bytes end in position 0, expected 3");
  bytes[6] = std::byte{1};
  CHECK(error("topk:0.01", bytes) == "codec topk:0.01: position 0 is not below 300");
}

TEST_CASE("the bytes of codecs do not change", "[runtime][codec]") {
  const std::vector<float> values{1, -0.5F, 65536, 0, -3.14159265F, 1e-6F};
  CHECK(hex(encoded(*made("none"), {1, -2})) == "0000803f000000c0");
  CHECK(hex(encoded(*made("f16"), values)) == "003c00b8ff7b000048c21100");
  CHECK(hex(encoded(*made("bf16"), values)) == "803f00bf8047000049c08635");
  CHECK(hex(encoded(*made("int8"), {127, -127, 1, 0})) == "0000803f7f810100");
  CHECK(hex(encoded(*made("topk:0.5 | bf16"), values)) == "0300000015803f804749c0");
}

TEST_CASE("f16 rounds to the nearest, ties to even, and saturates", "[runtime][codec]") {
  const auto all = all_f16();
  const auto f16 = made("f16");
  const auto nearest = [&](double x) {
    const auto above = std::ranges::lower_bound(all, x) - all.begin();
    if (above == static_cast<std::ptrdiff_t>(all.size())) return all.back();
    if (above == 0) return all.front();
    const auto low = x - all[above - 1], high = all[above] - x;
    return low < high || (low == high && above % 2 == 1) ? all[above - 1] : all[above];
  };
  const ops::random_sequence drawn(3, 0);
  std::vector<float> values{65504, 65519, 65520, 1e30F, 0x1p-24F, 0x1p-25F, 0x1.8p-24F, 0x1p-14F};
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    values.push_back(static_cast<float>(all[i]));
    values.push_back(static_cast<float>((all[i] + all[i + 1]) / 2));
    values.push_back(static_cast<float>(all[i] + (all[i + 1] - all[i]) * drawn.unit(i)));
  }
  std::vector<float> out(values.size());
  REQUIRE(f16->decode(encoded(*f16, values), out));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) wrong += out[i] != nearest(values[i]);
  CHECK(wrong == 0);
  CHECK(after(*f16, -1e30F) == -65504);
  CHECK(after(*made("bf16"), -3.4e38F) == -0x1.fep127F);
  CHECK(after(*made("bf16"), 1.00390625F) == 1); // a tie, to even
}

TEST_CASE("int8 is right on average, at every position", "[runtime][codec]") {
  constexpr int keys = 4000;
  constexpr std::size_t count = 300; // a whole block and a part
  const ops::random_sequence drawn(5, 0);
  std::vector<float> values(count), out(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = drawn.unit(i) * 2 - 1;
  values[0] = values[299] = 1; // the scale of both blocks is 1/127
  values[17] = 1e-4F;          // far below the scale
  std::vector<double> sums(count);
  const auto int8 = made("int8");
  for (std::uint64_t key = 0; key < keys; ++key) {
    REQUIRE(int8->decode(encoded(*int8, values, key), out));
    for (std::size_t i = 0; i < count; ++i) sums[i] += out[i];
  }
  double worst = 0, total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = (sums[i] / keys - values[i]) * 127;
    worst = std::max(worst, std::abs(error));
    total += error;
  }
  // One draw is off by at most half a step, in standard deviations.
  CHECK(worst < 5 * 0.5 / std::sqrt(keys));
  CHECK(std::abs(total / count) < 5 * 0.5 / std::sqrt(keys * count));
}

TEST_CASE("topk picks as sorting would, equal ones by position", "[runtime][codec]") {
  const ops::random_sequence drawn(9, 0);
  std::vector<float> values(10'007);
  const auto fill = [&](auto make) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = make(i, drawn.bits(i));
    check_largest(values);
  };
  fill([](auto, auto bits) { return std::ldexp(1.0F, static_cast<int>(bits % 99) - 50); });
  fill([](auto, auto bits) { return static_cast<float>(bits % 7) - 3; });
  fill([](auto, auto) { return 0.0F; });
  fill([](auto, auto bits) { return 1 + static_cast<float>(bits >> 40) * 0x1p-30F; });
  // The sample of one in 31 sees only the largest, or none of them.
  fill([](auto i, auto bits) {
    return (i % 31 == 0 ? 1e9F : 1e-9F) + static_cast<float>(bits % 5);
  });
  fill([](auto i, auto bits) { return i % 31 == 0 ? 0 : 1 + static_cast<float>(bits % 5); });
  fill([](auto i, auto) { return static_cast<float>(i); });
}

TEST_CASE("positions take no more bytes than promised, wherever they are", "[runtime][codec]") {
  constexpr std::uint32_t elements = 10'000;
  for (const std::uint32_t count : {1U, 2U, 100U, 3333U, 9999U, elements}) {
    std::vector<std::uint32_t> first(count), last(count), spread(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      first[i] = i;
      last[i] = elements - count + i;
      spread[i] = static_cast<std::uint32_t>(std::uint64_t{elements - 1} * (i + 1) / count);
    }
    check_positions(first, elements);
    check_positions(last, elements);
    check_positions(spread, elements);
    first.back() = elements - 1; // one long gap
    check_positions(first, elements);
  }
  check_positions({}, elements);
  check_positions({0xffff'fffe}, 0xffff'ffff);
}

TEST_CASE("topk sends the share that was written, rounded up", "[runtime][codec]") {
  const auto count = [](std::string_view name, std::size_t elements) {
    const auto by = made(name);
    return codec_loops::load<std::uint32_t>(
        encoded(*by, std::vector<float>(elements, 1.0F)).data());
  };
  CHECK(count("topk:0.01", 22'000) == 220);
  CHECK(count("topk:0.07", 100) == 7);
  CHECK(count("topk:0.01", 101) == 2);
  CHECK(count("topk:0.0001", 1) == 1);
  CHECK(count("topk:1", 999) == 999);
  CHECK(count("topk:0.5", 0) == 0);
}

TEST_CASE("topk:0.01 | int8 takes under 1/180 of the bytes", "[runtime][codec]") {
  const ops::random_sequence drawn(2, 0);
  std::vector<float> values(22'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = drawn.unit(i) - 0.5F;
  const auto by = made("topk:0.01 | int8");
  CHECK(encoded(*by, values).size() < 460);
  CHECK(by->bytes_max(values.size()) < 4 * values.size() / 180);
}

} // namespace lagrange::runtime
