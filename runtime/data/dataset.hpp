/// \file
/// Data sets: numbered samples that feeders deal out in batches. To add a format, write a file like
/// idx.cpp and a row in dataset.cpp's table, or put a row into your program's catalog; the tests of
/// tests/runtime/data_test.cpp run it either way.
///
/// A data set does not change once it is open. Sample numbers are 0 .. size() - 1 in stored order.
#pragma once

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
  /// Of one sample: [H, W, C]. Data without a place has H = W = 1.
  virtual ops::shape sample_extents() const = 0;
  /// Labels are 0 .. classes() - 1, in both splits.
  virtual std::int64_t classes() const = 0;
  /// Copies samples, in the order asked for; one may be asked for twice.
  /// Shapes: inputs [B, H, W, C] u8 as stored or f32, labels [B]. B is samples.size().
  /// Requires: every sample below size(), at least one.
  virtual batch gather(std::span<const std::uint32_t> samples) const = 0;
};

/// One row of the table that config, `lagrange list data` and the tests read.
struct data_row {
  std::string_view name;
  std::string_view help;
  /// Errors: bad_file naming the file, what was found, what was expected and what to do;
  /// bad_argument for a path that is no path of this format.
  result<std::unique_ptr<dataset>> (*open)(const std::string& path, data_split split);
};

/// The formats that come with lagrange.
std::span<const data_row> data_formats();

} // namespace lagrange::runtime
