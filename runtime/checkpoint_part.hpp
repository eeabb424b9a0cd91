/// \file
/// What an actor adds to a cut of a running job, as bytes: a shard's state, or what a worker's
/// codec has not sent. The layout is schema/shard_state.capnp.
///
/// Neither writing nor reading holds more than the state itself and a few MB: arrays go from where
/// they are to the file, and back, a piece at a time.
#pragma once

#include "runtime/checkpoint_stream.hpp"
#include "runtime/shard_state.hpp"

#include <cstdint>
#include <string>

namespace lagrange::runtime {

/// Raised with every change that an older reader would misread. Other versions are refused.
constexpr std::uint32_t part_version = 1;

/// What a worker's codec has not sent yet.
struct residual_state {
  worker_id worker;
  cut_number cut;
  ops::tensor
      memory; ///< u8 [bytes], aligned to residual::alignment, as runtime/residual lays it out
};

/// Errors: those of the sink. Requires: arrays of the sizes that the state tells.
result<file_facts> write_part(const shard_state& x, const byte_sink& to);
result<file_facts> write_part(const residual_state& x, const byte_sink& to);

/// The state in a file's content. `place` is what errors call it.
/// Errors: bad_file, naming what is damaged, cut off, of another version or another actor's, and
/// what to do. Nothing about the bytes is trusted.
result<shard_state> read_shard_part(const readable_file& from, const std::string& place);
result<residual_state> read_residual_part(const readable_file& from, const std::string& place);

} // namespace lagrange::runtime
