/// \file
/// The bytes of a part of a checkpoint below their meaning: head, compressed body, tail, as
/// schema/shard_state.capnp draws them. Written and read a piece at a time, so that the memory it
/// takes does not depend on the part. Private to checkpoint_part.
#pragma once

#include "runtime/digest.hpp"
#include "runtime/file_system.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace lagrange::runtime {

/// Takes bytes in order.
using byte_sink = std::function<result<void>(std::span<const std::byte>)>;

/// What a file has: enough to know it again.
struct file_facts {
  std::uint64_t bytes = 0;
  sha256_digest digest{};
  bool operator==(const file_facts&) const = default;
};

/// How hard zstd tries: the least. Parameters hardly get smaller by more, and it costs a core.
constexpr int part_compression_level = 1;

class part_writer {
public:
  /// Requires: a sink that outlives it.
  explicit part_writer(const byte_sink& to);
  ~part_writer();
  /// The next bytes of the body. Errors: those of the sink.
  result<void> add(std::span<const std::byte> body);
  result<file_facts> end();

private:
  struct packer;
  result<void> put(std::span<const std::byte> bytes);
  result<void> pack(std::span<const std::byte> body, bool is_end);

  const byte_sink& to_;
  std::unique_ptr<packer> packer_;
  sha256_stream digest_;
  std::uint64_t bytes_ = 0;
  bool has_head_ = false;
};

/// Bytes that are no part, damaged, cut off or of another version: bad_file, naming which, what was
/// found and expected, and what to do. `place` is what errors call the file.
class part_reader {
public:
  /// Reads all of it once, and refuses it unless its SHA-256 is the one that it names.
  /// Requires: a file that outlives it.
  static result<std::unique_ptr<part_reader>> open(const readable_file& from, std::string place);
  ~part_reader();
  /// The next bytes of the body.
  result<void> read(std::span<std::byte> to);
  /// Requires: all that is expected was read. Errors: if there is more.
  result<void> end();
  error damage(const std::string& found) const;

private:
  struct unpacker;
  part_reader(const readable_file& from, std::string place);
  result<void> check();
  /// Fills the unpacker with the next bytes of the file. False: there are none.
  result<bool> fetch();
  /// As much of `to` as there is.
  result<std::size_t> unpack(std::span<std::byte> to);

  const readable_file& from_;
  std::string place_;
  std::unique_ptr<unpacker> unpacker_;
  std::uint64_t at_ = 0, end_ = 0; ///< of the body, in the file
};

/// Of a whole file. Cost: reads it once.
result<file_facts> facts_of(const readable_file& file);

} // namespace lagrange::runtime
