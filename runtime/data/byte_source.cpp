#include "runtime/data/byte_source.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace lagrange::runtime {

namespace {
constexpr std::size_t piece_bytes_min = std::size_t{1} << 20;
} // namespace

void byte_source::close_file::operator()(gzFile_s* file) const { gzclose(file); }

result<byte_source> byte_source::open(const std::string& path) {
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr)
    return failure(errc::bad_file,
                   fmt::format("cannot open {}: {}; check that the file exists and may be read",
                               path, errno ? std::strerror(errno) : "out of memory"));
  return byte_source(path, file);
}

result<std::size_t> byte_source::read(std::span<std::uint8_t> out) {
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

result<std::string> find_data_file(const std::string& path, std::string_view expected) {
  std::error_code ignored; // what may not be looked at is no file for us
  for (const std::string_view ending : {"", ".gz"})
    if (auto file = path + std::string(ending); std::filesystem::is_regular_file(file, ignored))
      return file;
  return failure(errc::bad_file,
                 fmt::format("{} is no file{}, and {}.gz is none; expected {}, "
                             "gzipped or not: check data.path",
                             path,
                             std::filesystem::is_directory(path, ignored) ? " but a folder" : "",
                             path, expected));
}

result<std::string> read_data_file(const std::string& path, std::size_t bytes_max) {
  BOOST_OUTCOME_TRY(source, byte_source::open(path));
  std::string bytes;
  for (std::size_t got = 0;;) {
    const auto at = bytes.size();
    const auto piece = std::max(piece_bytes_min, at);
    bytes.resize(at + piece);
    BOOST_OUTCOME_TRY(more,
                      source.read({reinterpret_cast<std::uint8_t*>(bytes.data()) + at, piece}));
    got = at + more;
    if (got > bytes_max)
      return failure(errc::bad_file, fmt::format("{} holds more than {} bytes, expected at most as "
                                                 "many: cut it into parts",
                                                 path, bytes_max));
    if (more == piece) continue;
    bytes.resize(got);
    return bytes;
  }
}

} // namespace lagrange::runtime
