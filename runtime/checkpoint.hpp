/// \file
/// Checkpoints: the trained parameters as a file, with enough beside them to evaluate the model, to
/// go on, and to say where they came from. The layout is schema/checkpoint.capnp; a SHA-256 over
/// the content finds any damage.
#pragma once

#include "ops/tensor.hpp"
#include "runtime/error.hpp"
#include "runtime/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Raised with every change that an older reader would misread. Other versions are refused.
constexpr std::uint32_t checkpoint_version = 1;

struct checkpoint {
  /// A parameter's name and extents. Its elements are in `values`, behind those of the one before.
  struct parameter {
    std::string name; ///< as in "conv1.weight"
    ops::shape extents;
    bool operator==(const parameter&) const = default;
  };
  struct shard_state {
    shard_id shard;
    shard_version version;     ///< updates that are in the values
    std::uint64_t samples = 0; ///< of those updates: where the schedule of the rate was
    bool operator==(const shard_state&) const = default;
  };
  std::string job;
  std::string model;
  std::string build; ///< id of the program that wrote it
  std::uint64_t seed = 0;
  std::string config; ///< the resolved config, TOML
  std::vector<shard_state> shards;
  std::vector<parameter> parameters;
  ops::tensor values; ///< f32 [N], N the elements of all parameters
};

/// The file's content.
/// Requires: values that fit the parameters, on the CPU.
std::vector<char> encode(const checkpoint& x);

/// The checkpoint in a file's content. `place` is what errors call it.
/// Errors: bad_file, naming what is damaged, cut off or of another version, and what to do.
result<checkpoint> decode_checkpoint(std::span<const char> content, const std::string& place);

/// Writes by write_atomically(): a reader finds the old checkpoint or the new one.
/// Errors: bad_file.
result<void> write_checkpoint(const std::filesystem::path& path, const checkpoint& x);
/// The same of values that lie in several tensors, in the parameters' order, instead of x.values.
/// No byte of them is copied. Shapes: f32, [N] together.
result<void> write_checkpoint(const std::filesystem::path& path, const checkpoint& x,
                              std::span<const ops::tensor> values);

/// Errors: bad_file, also for a file that is missing or cannot be read.
result<checkpoint> read_checkpoint(const std::filesystem::path& path);

/// The SHA-256 of the elements of all, one tensor after another, in 64 hexadecimal digits.
std::string sha256_hex(std::span<const ops::tensor> all);

} // namespace lagrange::runtime
