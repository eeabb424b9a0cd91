#include "runtime/data/idx_file.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

namespace lagrange::runtime {

namespace {

// Far above any data set that fits into memory as a whole, far below where products overflow.
constexpr std::uint64_t elements_max = std::uint64_t{1} << 36;
constexpr std::size_t piece_bytes_min = std::size_t{1} << 20;

struct close_gz {
  void operator()(gzFile file) const { gzclose(file); }
};

/// A file that is unzipped while it is read, if it is zipped.
class byte_source {
public:
  static result<byte_source> open(const std::string& path) {
    errno = 0;
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr)
      return failure(errc::bad_file,
                     fmt::format("cannot open {}: {}; check that the file exists and may be read",
                                 path, errno ? std::strerror(errno) : "out of memory"));
    return byte_source(path, file);
  }

  /// Fills `out` as far as the file goes; less than asked for means that it has ended.
  result<std::size_t> read(std::span<std::uint8_t> out) {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto wanted = std::min<std::size_t>(out.size() - done, std::size_t{1} << 30);
      const int got = gzread(file_.get(), out.data() + done, static_cast<unsigned>(wanted));
      if (got < static_cast<int>(wanted)) {
        int problem = Z_OK;
        const std::string text = gzerror(file_.get(), &problem);
        if (got < 0 || problem == Z_BUF_ERROR)
          return damaged(problem == Z_ERRNO ? std::strerror(errno) : text);
        return done + static_cast<std::size_t>(got);
      }
      done += wanted;
    }
    return done;
  }

  auto damaged(const std::string& found) const -> decltype(failure(errc::bad_file, {})) {
    return failure(errc::bad_file,
                   fmt::format("{} is damaged: {}; copy or download it again", path_, found));
  }

private:
  byte_source(std::string path, gzFile file) : path_(std::move(path)), file_(file) {}
  std::string path_;
  std::unique_ptr<gzFile_s, close_gz> file_;
};

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
