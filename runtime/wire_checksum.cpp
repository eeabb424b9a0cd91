#include "runtime/wire_checksum.hpp"

#include <boost/crc.hpp>

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace lagrange::runtime {

namespace {

constexpr std::uint32_t polynomial = 0x1EDC6F41;

// Boost starts from the register as it is before bits are reflected.
std::uint32_t reflected(std::uint32_t x) {
  std::uint32_t out = 0;
  for (int bit = 0; bit < 32; ++bit) out |= (x >> bit & 1u) << (31 - bit);
  return out;
}

#if defined(__x86_64__)
// The instruction takes three cycles but can start in each: three lanes keep it busy.
constexpr std::size_t lane_bytes = 1024;
constexpr std::size_t line_bytes = 64; // of the caches

__attribute__((target("sse4.2"))) std::uint64_t step(std::uint64_t state, const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return _mm_crc32_u64(state, word);
}

/// What a lane of zeros makes of a state. It is linear, so four tables of a byte each hold it all.
class lane_shift {
public:
  __attribute__((target("sse4.2"))) lane_shift() {
    for (std::uint64_t index = 0; index < 4; ++index)
      for (std::uint64_t byte = 0; byte < 256; ++byte) {
        auto state = byte << 8 * index;
        for (std::size_t at = 0; at < lane_bytes; at += 8) state = _mm_crc32_u64(state, 0);
        tables_[index][byte] = static_cast<std::uint32_t>(state);
      }
  }
  std::uint64_t operator()(std::uint64_t x) const {
    return tables_[0][x & 255] ^ tables_[1][x >> 8 & 255] ^ tables_[2][x >> 16 & 255] ^
           tables_[3][x >> 24 & 255];
  }

private:
  std::array<std::array<std::uint32_t, 256>, 4> tables_;
};

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse(std::span<const char> bytes,
                                                           std::uint32_t before) {
  static const lane_shift shift;
  std::uint64_t state = ~before;
  const char* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 3 * lane_bytes; at += 3 * lane_bytes, left -= 3 * lane_bytes) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t line = 0; line < lane_bytes; line += line_bytes) {
      // The next three lanes: lanes are too short for the processor to see where they lead.
      for (std::size_t lane = 3; lane < 6; ++lane)
        __builtin_prefetch(at + lane * lane_bytes + line);
      for (auto i = line; i < line + line_bytes; i += 8) {
        state = step(state, at + i);
        second = step(second, at + lane_bytes + i);
        third = step(third, at + 2 * lane_bytes + i);
      }
    }
    state = shift(shift(state) ^ second) ^ third;
  }
  for (; left >= 8; at += 8, left -= 8) state = step(state, at);
  auto rest = static_cast<std::uint32_t>(state);
  for (; left > 0; ++at, --left) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*at));
  return ~rest;
}
#endif

} // namespace

std::uint32_t crc32c_portable(std::span<const char> bytes, std::uint32_t before) {
  boost::crc_optimal<32, polynomial, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc(reflected(~before));
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::uint32_t crc32c(std::span<const char> bytes, std::uint32_t before) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse(bytes, before);
#endif
  return crc32c_portable(bytes, before);
}

} // namespace lagrange::runtime
