#include "runtime/checkpoint_part.hpp"

#include "runtime/checkpoint_part_fields.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <array>
#include <new>

namespace lagrange::runtime {

namespace {

static_assert(part_version == schema::PART_VERSION, "checkpoint_part.hpp and its schema differ");

// Far above what a shard has beside its arrays: a few bytes for each worker.
constexpr std::uint64_t message_bytes_max = std::uint64_t{1} << 28;

/// Its length, the message, and then the arrays.
result<void> put_message(message_writer& message, part_writer& out) {
  const auto pieces = message.pieces();
  std::uint64_t length = 0;
  for (const auto& piece : pieces) length += piece.size();
  boost::endian::native_to_little_inplace(length);
  BOOST_OUTCOME_TRY(out.add(std::as_bytes(std::span(&length, 1))));
  for (const auto& piece : pieces) {
    BOOST_OUTCOME_TRY(out.add(piece));
  }
  return success();
}

result<void> put_array(const ops::tensor& x, part_writer& out) {
  return x.empty() ? result<void>(success()) : out.add({x.bytes(), x.size_bytes()});
}

result<std::vector<char>> read_message(part_reader& in) {
  std::uint64_t length = 0;
  BOOST_OUTCOME_TRY(in.read(std::as_writable_bytes(std::span(&length, 1))));
  boost::endian::little_to_native_inplace(length);
  if (length > message_bytes_max || length % sizeof(capnp::word) != 0)
    return in.damage(fmt::format("its message has {} bytes, expected a multiple of 8 up to {}",
                                 length, message_bytes_max));
  std::vector<char> message(static_cast<std::size_t>(length));
  BOOST_OUTCOME_TRY(in.read(std::as_writable_bytes(std::span(message))));
  return message;
}

/// Calls `read(message, arrays)` with what a part holds.
template <class State, class Read>
result<State> read_part(const readable_file& from, const std::string& place, const Read& read) {
  BOOST_OUTCOME_TRY(in, part_reader::open(from, place));
  BOOST_OUTCOME_TRY(bytes, read_message(*in));
  try {
    const aligned_words words(bytes);
    capnp::FlatArrayMessageReader message(words.get(), limits_of(words.get()));
    if (message.getEnd() != words.get().end()) return in->damage("something follows its message");
    BOOST_OUTCOME_TRY(state, read(message.getRoot<schema::Part>(), *in));
    BOOST_OUTCOME_TRY(in->end());
    return std::move(state);
  } catch (const kj::Exception& problem) {
    return in->damage(problem.getDescription().cStr());
  } catch (const ops::device_error& problem) {
    return failure(errc::bad_file, fmt::format("{}: {}", place, problem.what()));
  } catch (const std::bad_alloc&) {
    return failure(errc::bad_file,
                   fmt::format("{} does not fit into this machine's memory", place));
  }
}

error other_kind(const std::string& place, std::string_view found, std::string_view expected) {
  return {errc::bad_file,
          fmt::format("{} is the part of {}, expected that of {}; name another file", place, found,
                      expected)};
}

} // namespace

result<file_facts> write_part(const shard_state& x, const byte_sink& to) {
  message_writer message;
  put_fields(message.root<schema::Part>().initShard(), x);
  part_writer out(to);
  BOOST_OUTCOME_TRY(put_message(message, out));
  for (const auto* each : arrays_of(x)) {
    BOOST_OUTCOME_TRY(put_array(*each, out));
  }
  return out.end();
}

result<file_facts> write_part(const residual_state& x, const byte_sink& to) {
  message_writer message;
  auto fields = message.root<schema::Part>().initResidual();
  fields.setWorker(x.worker.value);
  fields.setCut(x.cut.value);
  fields.setBytes(x.memory.empty() ? 0 : x.memory.size_bytes());
  part_writer out(to);
  BOOST_OUTCOME_TRY(put_message(message, out));
  BOOST_OUTCOME_TRY(put_array(x.memory, out));
  return out.end();
}

result<shard_state> read_shard_part(const readable_file& from, const std::string& place) {
  return read_part<shard_state>(
      from, place, [&](schema::Part::Reader part, part_reader& in) -> result<shard_state> {
        if (!part.isShard()) return other_kind(place, "a worker", "a shard");
        BOOST_OUTCOME_TRY(state, read_fields(part.getShard(), in));
        for (auto* each : arrays_of(state)) {
          BOOST_OUTCOME_TRY(in.read({each->bytes(), each->size_bytes()}));
        }
        if (const auto defect = find_row_defect(state); !defect.empty()) return in.damage(defect);
        return std::move(state);
      });
}

result<residual_state> read_residual_part(const readable_file& from, const std::string& place) {
  return read_part<residual_state>(
      from, place, [&](schema::Part::Reader part, part_reader& in) -> result<residual_state> {
        if (!part.isResidual()) return other_kind(place, "a shard", "a worker");
        const auto fields = part.getResidual();
        BOOST_OUTCOME_TRY(memory, array_of(ops::dtype::u8, fields.getBytes(), in));
        BOOST_OUTCOME_TRY(in.read({memory.bytes(), memory.size_bytes()}));
        return residual_state{{fields.getWorker()}, {fields.getCut()}, memory};
      });
}

} // namespace lagrange::runtime
