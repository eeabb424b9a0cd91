#include "runtime/codec/positions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace lagrange::runtime {

namespace {

/// Lowest bits of a gap that are written as they are; the rest is written in unary. 12/25 is the
/// logarithm of the golden ratio: where one more bit as it is costs what it saves in unary.
unsigned plain_bits(std::size_t count, std::size_t elements) {
  if (count == 0) return 0;
  return static_cast<unsigned>(std::bit_width(12 * (elements - count) / (25 * count)));
}

/// Lowest bits first.
class bit_writer {
public:
  explicit bit_writer(std::span<std::byte> out) : out_(out) {}
  /// Requires: count <= 32.
  void put(std::uint64_t bits, unsigned count) {
    word_ |= bits << held_;
    for (held_ += count; held_ >= 8; held_ -= 8, word_ >>= 8)
      out_[written_++] = static_cast<std::byte>(word_);
  }
  /// `value` zeros and a one.
  void put_unary(std::uint64_t value) {
    for (; value >= 31; value -= 31) put(0, 31);
    put(std::uint64_t{1} << value, static_cast<unsigned>(value) + 1);
  }
  /// Returns: bytes written.
  std::size_t finish() {
    if (held_ > 0) put(0, 8 - held_);
    return written_;
  }

private:
  std::span<std::byte> out_;
  std::size_t written_ = 0;
  std::uint64_t word_ = 0;
  unsigned held_ = 0;
};

/// Empty where the bytes end too early.
class bit_reader {
public:
  explicit bit_reader(std::span<const std::byte> in) : in_(in) {}
  std::optional<std::uint64_t> take(unsigned count) {
    if (left() < count) return {};
    const auto bits = ahead() & ((std::uint64_t{1} << count) - 1);
    at_ += count;
    return bits;
  }
  std::optional<std::uint64_t> take_unary() {
    for (std::uint64_t zeros = 0; left() > 0;) {
      const auto bits = ahead();
      const auto run = static_cast<unsigned>(std::countr_zero(bits));
      if (bits != 0) {
        at_ += run + 1;
        return zeros + run;
      }
      const auto step = std::min<std::size_t>(left(), ahead_min);
      zeros += step;
      at_ += step;
    }
    return {};
  }
  /// The bits up to the next whole byte.
  std::uint64_t rest_of_byte() { return take(static_cast<unsigned>((8 - at_ % 8) % 8)).value(); }
  std::size_t bytes_read() const { return at_ / 8; }

private:
  static constexpr unsigned ahead_min = 57;
  std::size_t left() const { return in_.size() * 8 - at_; }
  /// At least the next ahead_min bits, with zeros after the end.
  std::uint64_t ahead() const {
    std::uint64_t word = 0;
    const auto first = std::min(at_ / 8, in_.size());
    std::memcpy(&word, in_.data() + first, std::min(sizeof word, in_.size() - first));
    return word >> (at_ % 8);
  }

  std::span<const std::byte> in_;
  std::size_t at_ = 0; ///< bits taken
};

} // namespace

std::size_t positions_bytes_max(std::size_t count, std::size_t elements) {
  const auto plain = plain_bits(count, elements);
  // The gaps sum to no more than what is not named.
  return (count * (plain + 1) + ((elements - count) >> plain) + 7) / 8;
}

std::size_t write_positions(std::span<const std::uint32_t> positions, std::size_t elements,
                            std::span<std::byte> out) {
  const auto plain = plain_bits(positions.size(), elements);
  bit_writer bits(out);
  std::uint64_t next = 0; // the lowest position that is possible
  for (const auto position : positions) {
    const auto gap = position - next;
    bits.put_unary(gap >> plain);
    bits.put(gap & ((std::uint64_t{1} << plain) - 1), plain);
    next = std::uint64_t{position} + 1;
  }
  return bits.finish();
}

result<std::size_t> read_positions(std::span<const std::byte> in, std::size_t elements,
                                   std::span<std::uint32_t> positions) {
  const auto plain = plain_bits(positions.size(), elements);
  bit_reader bits(in);
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto high = bits.take_unary();
    const auto low = high ? bits.take(plain) : std::nullopt;
    if (!low)
      return failure(errc::bad_frame,
                     fmt::format("the bytes end in position {}, expected {}", i, positions.size()));
    // The first test keeps the shift from losing bits.
    const auto gap = *high << plain | *low;
    if (*high > elements >> plain || next + gap >= elements)
      return failure(errc::bad_frame, fmt::format("position {} is not below {}", i, elements));
    positions[i] = static_cast<std::uint32_t>(next + gap);
    next += gap + 1;
  }
  if (bits.rest_of_byte() != 0)
    return failure(errc::bad_frame, "the bits after the last position are not 0");
  return bits.bytes_read();
}

} // namespace lagrange::runtime
