#include "runtime/data/idx_file.hpp"

#include "runtime/data/byte_source.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace lagrange::runtime {

namespace {

// Far above any data set that fits into memory as a whole, far below where products overflow.
constexpr std::uint64_t elements_max = std::uint64_t{1} << 36;
constexpr std::size_t piece_bytes_min = std::size_t{1} << 20;

result<std::vector<std::uint32_t>> read_header(byte_source& source, unsigned rank) {
  constexpr std::uint32_t bytes_type = 0x0800;
  std::vector<std::uint8_t> header(4 * (1 + std::size_t{rank}));
  BOOST_OUTCOME_TRY(got, source.read(header));
  if (got < header.size())
    return source.damaged(
        fmt::format("it ends after {} bytes, expected an IDX header of {}", got, header.size()));
  const auto magic = boost::endian::load_big_u32(header.data());
  if (magic != (bytes_type | rank))
    return source.damaged(fmt::format(
        "it starts with magic number 0x{:08x}, expected 0x{:08x} (IDX, bytes, {} extents)", magic,
        bytes_type | rank, rank));
  std::vector<std::uint32_t> extents(rank);
  std::uint64_t elements = 1;
  for (unsigned axis = 0; axis < rank; ++axis) {
    extents[axis] = boost::endian::load_big_u32(header.data() + 4 * (1 + axis));
    if (extents[axis] == 0 || extents[axis] > elements_max / elements)
      return source.damaged(
          fmt::format("its header says extents {}, expected none of them 0 and "
                      "at most {} elements",
                      fmt::join(extents.begin(), extents.begin() + axis + 1, " x "), elements_max));
    elements *= extents[axis];
  }
  return extents;
}

} // namespace

result<idx_file> read_idx_file(const std::string& path, unsigned rank) {
  BOOST_OUTCOME_TRY(source, byte_source::open(path));
  BOOST_OUTCOME_TRY(extents, read_header(source, rank));
  std::uint64_t promised = 1;
  for (auto extent : extents) promised *= extent;

  std::vector<std::uint8_t> elements;
  while (elements.size() < promised) {
    const auto at = elements.size();
    const auto piece = std::min<std::uint64_t>(promised - at, std::max(piece_bytes_min, at));
    elements.resize(at + piece);
    BOOST_OUTCOME_TRY(got, source.read(std::span(elements).subspan(at)));
    if (got < piece)
      return source.damaged(fmt::format("its header says {} = {} bytes, but only {} follow",
                                        fmt::join(extents, " x "), promised, at + got));
  }
  // Asking for more also makes zlib compare its checksum.
  std::array<std::uint8_t, 1> more;
  BOOST_OUTCOME_TRY(got, source.read(more));
  if (got > 0)
    return source.damaged(fmt::format("its header says {} = {} bytes, but more follow",
                                      fmt::join(extents, " x "), promised));
  return idx_file{std::move(extents), std::move(elements)};
}

} // namespace lagrange::runtime
