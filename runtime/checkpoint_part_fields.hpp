/// \file
/// A shard's state as fields of a message, and the arrays that stand behind it. Private to
/// checkpoint_part, because it shows Cap'n Proto's types.
#pragma once

#include "runtime/checkpoint_stream.hpp"
#include "runtime/shard_state.hpp"
#include "runtime/wire_frame.hpp"
#include "schema/shard_state.capnp.h"

#include <string>
#include <vector>

namespace lagrange::runtime {

/// In the order in which they stand in the file. None is null.
std::vector<const ops::tensor*> arrays_of(const shard_state& x);
std::vector<ops::tensor*> arrays_of(shard_state& x);

void put_fields(schema::ShardState::Builder to, const shard_state& x);
/// The state, with room for its arrays. Errors: bad_file. May throw kj::Exception.
result<shard_state> read_fields(schema::ShardState::Reader from, const part_reader& in);

/// Room for so many elements. Errors: bad_file, if there are more than any machine could hold.
result<ops::tensor> array_of(ops::dtype type, std::uint64_t elements, const part_reader& in);

/// What is wrong with the numbers of the rows that are there; empty if nothing is.
std::string find_row_defect(const shard_state& x);

} // namespace lagrange::runtime
