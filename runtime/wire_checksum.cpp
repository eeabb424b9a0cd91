#include "runtime/wire_checksum.hpp"

#include <boost/crc.hpp>

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
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse(std::span<const char> bytes,
                                                           std::uint32_t before) {
  std::uint64_t state = ~before;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto rest = static_cast<std::uint32_t>(state);
  for (; at < bytes.size(); ++at) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(bytes[at]));
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
