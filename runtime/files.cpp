#include "runtime/files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace lagrange::runtime {

namespace {

using path = std::filesystem::path;

path folder_of(const path& file) { return file.has_parent_path() ? file.parent_path() : path("."); }

result<void> write_whole(file_system& disk, const path& file, const file_writer& content) {
  BOOST_OUTCOME_TRY(open, disk.create(file));
  BOOST_OUTCOME_TRY(content(*open));
  BOOST_OUTCOME_TRY(open->sync());
  return open->close();
}

} // namespace

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

result<void> write_atomically(file_system& disk, const path& file, const file_writer& content) {
  const auto folder = folder_of(file);
  const auto partial = folder / fmt::format(".{}.partial", file.filename().string());
  auto done = write_whole(disk, partial, content);
  if (done) done = disk.rename(partial, file);
  if (!done) {
    // What went wrong is worth more than that the rest cannot be removed either.
    static_cast<void>(disk.remove(partial));
    return done;
  }
  return disk.sync_folder(folder);
}

result<void> write_atomically(const path& file, std::span<const std::byte> bytes) {
  return write_atomically(file, std::span(&bytes, 1));
}

result<void> write_atomically(const path& file,
                              std::span<const std::span<const std::byte>> pieces) {
  return write_atomically(*local_files(), file, [&](written_file& to) -> result<void> {
    for (const auto& piece : pieces) {
      BOOST_OUTCOME_TRY(to.write(piece));
    }
    return success();
  });
}

result<std::vector<char>> read_file(const path& file, std::size_t bytes_max) {
  BOOST_OUTCOME_TRY(open, local_files()->open(file));
  return read_all(*open, bytes_max, file);
}

} // namespace lagrange::runtime
