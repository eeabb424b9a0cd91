/// \file
/// The bytes of a data file, gzipped or not, read without believing how many there are.
#pragma once

#include "runtime/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct gzFile_s;

namespace lagrange::runtime {

/// A file that is unzipped while it is read, if it is zipped.
class byte_source {
public:
  /// Errors: bad_file naming the file.
  static result<byte_source> open(const std::string& path);

  /// Fills `out` as far as the file goes; less than asked for means that it has ended.
  /// Errors: bad_file when the file cannot be read, or its gzip stream is damaged.
  result<std::size_t> read(std::span<std::uint8_t> out);

  /// The refusal of this file, as in "FILE is damaged: FOUND; copy or download it again".
  auto damaged(const std::string& found) const -> decltype(failure(errc::bad_file, {})) {
    return failure(errc::bad_file, path_ + " is damaged: " + found + "; copy or download it again");
  }

private:
  struct close_file {
    void operator()(gzFile_s* file) const;
  };
  byte_source(std::string path, gzFile_s* file) : path_(std::move(path)), file_(file) {}
  std::string path_;
  std::unique_ptr<gzFile_s, close_file> file_;
};

/// `path` if that is a file, or else `path`.gz.
/// Errors: bad_file, saying that `expected` was, as in "a text file".
result<std::string> find_data_file(const std::string& path, std::string_view expected);

/// All bytes of a file. Memory grows with what the file holds.
/// Errors: bad_file; also for a file of more than `bytes_max`, unzipped.
result<std::string> read_data_file(const std::string& path, std::size_t bytes_max);

} // namespace lagrange::runtime
