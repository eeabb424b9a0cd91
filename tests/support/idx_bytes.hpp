/// \file
/// IDX files made by the tests, whole or damaged.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace lagrange::tests {

/// Magic number, extents, elements: nothing is checked, so that it can be wrong.
inline std::string idx_bytes(std::uint32_t magic, const std::vector<std::uint32_t>& extents,
                             const std::string& elements) {
  std::string out;
  auto put = [&](std::uint32_t x) {
    for (int shift : {24, 16, 8, 0}) out += static_cast<char>(x >> shift & 0xff);
  };
  put(magic);
  for (auto extent : extents) put(extent);
  return out + elements;
}

inline std::string gzipped(const std::string& content) {
  z_stream stream{};
  if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("no zlib");
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate failed");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

} // namespace lagrange::tests
