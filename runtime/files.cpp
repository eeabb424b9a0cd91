#include "runtime/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace lagrange::runtime {

namespace {

/// An open file that closes itself.
class descriptor {
public:
  descriptor(const std::filesystem::path& path, int flags) : number_(open_again(path, flags)) {}
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  /// Some file systems report a failed write only here. Returns whether it went well.
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

private:
  static int open_again(const std::filesystem::path& path, int flags) {
    int number;
    do number = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    while (number < 0 && errno == EINTR);
    return number;
  }
  int number_;
};

auto file_failure(std::string_view what, const std::filesystem::path& path,
                  std::string_view advice) {
  return failure(errc::bad_file, fmt::format("cannot {} {}: {}; {}", what, path.string(),
                                             std::strerror(errno), advice));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
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

result<void> write_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  return write_atomically(path, std::span(&bytes, 1));
}

result<void> write_atomically(const std::filesystem::path& path,
                              std::span<const std::span<const std::byte>> pieces) {
  const auto folder = folder_of(path);
  const auto partial = folder / fmt::format(".{}.partial", path.filename().string());
  descriptor file(partial, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file)
    return file_failure("create", partial, "check that the folder exists and may be written to");
  // Every step below leaves errno as it was found, because the text is made before the removal.
  auto give_up = [&](std::string_view what, const std::filesystem::path& where) {
    auto problem = file_failure(what, where, "check the disk's free space and the folder's rights");
    ::unlink(partial.c_str());
    return problem;
  };
  for (const auto& piece : pieces)
    if (!write_all(file.get(), piece)) return give_up("write", partial);
  if (::fsync(file.get()) != 0) return give_up("bring to the disk", partial);
  if (!file.close()) return give_up("close", partial);
  if (::rename(partial.c_str(), path.c_str()) != 0) return give_up("replace", path);
  descriptor directory(folder, O_RDONLY | O_DIRECTORY);
  if (!directory || ::fsync(directory.get()) != 0)
    return file_failure("bring to the disk the folder", folder,
                        "the file may be lost in a power cut");
  return success();
}

result<std::vector<char>> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  descriptor file(path, O_RDONLY);
  if (!file) return file_failure("open", path, "check that the file exists and may be read");
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return file_failure("look at", path, "check the disk");
  if (!S_ISREG(about.st_mode))
    return failure(errc::bad_file,
                   fmt::format("{} is no regular file; name a file", path.string()));
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size > bytes_max)
    return failure(errc::bad_file,
                   fmt::format("{} has {} bytes, expected at most {}; check that it "
                               "is the right file",
                               path.string(), size, bytes_max));
  std::vector<char> content(size);
  for (std::size_t at = 0; at < size;) {
    const auto got = ::read(file.get(), content.data() + at, size - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_failure("read", path, "check the disk");
    if (got == 0)
      return failure(errc::bad_file, fmt::format("{} shrank while it was read; read it again when "
                                                 "its writer is done",
                                                 path.string()));
    at += static_cast<std::size_t>(got);
  }
  return content;
}

} // namespace lagrange::runtime
