/// \file
/// Data sets: numbered samples that feeders deal out in batches. To add a format, write a file like
/// idx.cpp and a row in dataset.cpp's table, or put a row into your program's catalog; the tests of
/// tests/runtime/data_test.cpp run it either way.
///
/// A data set does not change once it is open. Sample numbers are 0 .. size() - 1 in stored order.
#pragma once

#include "ops/models.hpp"
#include "runtime/error.hpp"
#include "runtime/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime {

enum class data_split : std::uint8_t { train = 0, test };
constexpr std::string_view name(data_split split) {
  return split == data_split::train ? "train" : "test";
}

class dataset {
public:
  virtual ~dataset() = default;
  /// Units: samples; at least one.
  virtual std::size_t size() const = 0;
  /// What one sample is. Numbers without a place have H = W = 1. Labels are 0 .. classes - 1, and
  /// both splits say the same, but for the K columns that pairs to test with have more.
  virtual ops::model_input input() const = 0;
  /// Copies samples, in the order asked for; one may be asked for twice.
  /// Shapes: inputs [B, extents...], u8 as stored or f32 for numbers, i32 for the other kinds;
  /// labels i32 [B], or [B, T] for tokens. B is samples.size().
  /// Requires: every sample below size(), at least one.
  virtual batch gather(std::span<const std::uint32_t> samples) const = 0;
};

/// What a format may be told besides where its files are: the keys of [data] that are about
/// samples. Each format takes those that concern it.
struct data_options {
  std::uint32_t pad = 0;       ///< pixels of zeros around an image, on each side
  std::uint32_t context = 128; ///< tokens of one sample
  std::uint32_t window = 5;    ///< how far apart two words may be, in words
  std::uint32_t min_count = 5; ///< words that occur less often are left out
  bool operator==(const data_options&) const = default;
};

/// One row of the table that config, `lagrange list data` and the tests read.
struct data_row {
  std::string_view name;
  std::string_view help;
  /// Errors: bad_file naming the file, what was found, what was expected and what to do;
  /// bad_argument for a path that is no path of this format.
  result<std::unique_ptr<dataset>> (*open)(const std::string& path, data_split split,
                                           const data_options& options);
};

/// The formats that come with lagrange.
std::span<const data_row> data_formats();

} // namespace lagrange::runtime
