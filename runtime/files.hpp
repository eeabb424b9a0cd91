/// \file
/// Files as wholes: written so that a reader finds the old content or the new one and nothing in
/// between, whenever the writer is killed or the machine stops.
#pragma once

#include "runtime/file_system.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Replaces the content of `path`. The new content is on the disk when this returns: it goes to
/// ".NAME.partial" in the same folder, which then takes the place of the old file. Whatever fails,
/// the old content stays and the partial file is removed; one left by a kill is overwritten.
/// Requires: one writer of a path at a time.
/// Errors: bad_file, naming the step that failed and why (no folder, no right, disk full).
result<void> write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
/// The same of content in pieces, one after another.
result<void> write_atomically(const std::filesystem::path& path,
                              std::span<const std::span<const std::byte>> pieces);

/// Writes the content of a file, piece by piece.
using file_writer = std::function<result<void>(written_file& to)>;
/// The same of content that is not held in memory as a whole.
result<void> write_atomically(file_system& disk, const std::filesystem::path& path,
                              const file_writer& content);

/// Writes all bytes to an open file, however often the kernel takes only some. False: errno says
/// why.
bool write_all(int file, std::span<const std::byte> bytes);

/// The whole content of a regular file.
/// Errors: bad_file if it is missing, unreadable, no regular file, or larger than `bytes_max`.
result<std::vector<char>> read_file(const std::filesystem::path& path, std::size_t bytes_max);

} // namespace lagrange::runtime
