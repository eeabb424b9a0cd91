/// \file
/// Codecs: how numbers are written into frames. A codec is written as stages, as in
/// "topk:0.01 | int8": a stage that selects what is sent, if any, then one that writes values. To
/// add one, write a file like int8.cpp and a row in codec.cpp's table.
///
/// Invariant: CO-1 (what was decoded + what was left = what was given), for every codec.
#pragma once

#include "runtime/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// One way to write numbers. Holds scratch memory: one thread at a time.
class codec {
public:
  virtual ~codec() = default;
  /// As a user would write it, in one spelling, as in "topk:0.01 | int8".
  virtual std::string name() const = 0;
  /// Whether decoding gives back the same bits.
  virtual bool is_lossless() const = 0;
  /// Whether it leaves values out. What is left out decodes to 0.
  virtual bool selects() const { return false; }
  /// Units: bytes that encode() never exceeds for so many values.
  virtual std::size_t bytes_max(std::size_t elements) const = 0;
  /// Writes `values` into `out` and leaves in `values` what the bytes do not say: values given =
  /// values decoded + values left. Random numbers are drawn from `key` and positions alone, so the
  /// same call makes the same bytes on every machine and instruction set.
  /// Requires: bytes_max(values.size()) bytes in `out`, finite values.
  /// Returns: bytes written.
  virtual std::size_t encode(std::span<float> values, std::uint64_t key,
                             std::span<std::byte> out) = 0;
  /// Reads bytes that encode() wrote for out.size() values. Nothing about `in` is trusted.
  /// Errors: bad_frame, naming the codec, what was found and what was expected.
  virtual result<void> decode(std::span<const std::byte> in, std::span<float> out) const = 0;
};

/// One row of the table: one stage.
struct codec_row {
  std::string_view name;
  std::string_view arguments; ///< as the user writes them; empty: none
  std::string_view help;
  /// Makes the stage from what follows the colon and, if it selects, from the stage that writes
  /// what it selected. Errors: bad_argument.
  result<std::unique_ptr<codec>> (*make)(std::string_view argument, std::unique_ptr<codec> rest);
  bool selects = false; ///< may be followed by another stage
};

/// The codecs that come with lagrange.
std::span<const codec_row> codecs();

/// From text. Errors: bad_argument, naming the stage, what was expected, and the nearest name.
result<std::unique_ptr<codec>> make_codec(std::span<const codec_row> rows, std::string_view text);

} // namespace lagrange::runtime
