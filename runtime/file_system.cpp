#include "runtime/file_system.hpp"

#include "runtime/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace lagrange::runtime {

namespace {

using path = std::filesystem::path;

constexpr std::string_view check_space = "check the disk's free space and the folder's rights";

auto file_failure(std::string_view what, const path& where, std::string_view advice) {
  return failure(errc::bad_file, fmt::format("cannot {} {}: {}; {}", what, where.string(),
                                             std::strerror(errno), advice));
}

/// An open file that closes itself.
class descriptor {
public:
  descriptor(const path& file, int flags) : number_(open_again(file, flags)) {}
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  /// Returns whether it went well.
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

private:
  static int open_again(const path& file, int flags) {
    int number;
    do number = ::open(file.c_str(), flags | O_CLOEXEC, 0644);
    while (number < 0 && errno == EINTR);
    return number;
  }
  int number_;
};

class local_written final : public written_file {
public:
  local_written(descriptor file, path name) : file_(std::move(file)), name_(std::move(name)) {}
  result<void> write(std::span<const std::byte> bytes) override {
    if (!write_all(file_.get(), bytes)) return file_failure("write", name_, check_space);
    return success();
  }
  result<void> sync() override {
    if (::fsync(file_.get()) != 0) return file_failure("bring to the disk", name_, check_space);
    return success();
  }
  result<void> close() override {
    if (!file_.close()) return file_failure("close", name_, check_space);
    return success();
  }

private:
  descriptor file_;
  path name_;
};

class local_readable final : public readable_file {
public:
  local_readable(descriptor file, path name, std::uint64_t size)
      : file_(std::move(file)), name_(std::move(name)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  result<void> read(std::uint64_t first, std::span<std::byte> to) const override {
    while (!to.empty()) {
      const auto got = ::pread(file_.get(), to.data(), to.size(), static_cast<off_t>(first));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return file_failure("read", name_, "check the disk");
      if (got == 0)
        return failure(errc::bad_file, fmt::format("{} shrank while it was read; read it again "
                                                   "when its writer is done",
                                                   name_.string()));
      to = to.subspan(static_cast<std::size_t>(got));
      first += static_cast<std::uint64_t>(got);
    }
    return success();
  }

private:
  descriptor file_;
  path name_;
  std::uint64_t size_;
};

class local_file_system final : public file_system {
public:
  result<std::unique_ptr<written_file>> create(const path& file) override {
    descriptor made(file, O_WRONLY | O_CREAT | O_TRUNC);
    if (!made)
      return file_failure("create", file, "check that the folder exists and may be written to");
    return std::make_unique<local_written>(std::move(made), file);
  }

  result<std::unique_ptr<readable_file>> open(const path& file) override {
    descriptor made(file, O_RDONLY);
    if (!made) return file_failure("open", file, "check that the file exists and may be read");
    struct stat about {};
    if (::fstat(made.get(), &about) != 0) return file_failure("look at", file, "check the disk");
    if (!S_ISREG(about.st_mode))
      return failure(errc::bad_file,
                     fmt::format("{} is no regular file; name a file", file.string()));
    return std::make_unique<local_readable>(std::move(made), file,
                                            static_cast<std::uint64_t>(about.st_size));
  }

  result<void> rename(const path& from, const path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return file_failure("replace", to, check_space);
    return success();
  }

  result<void> remove(const path& which) override {
    if (std::remove(which.c_str()) != 0 && errno != ENOENT)
      return file_failure("remove", which, "check the folder's rights");
    return success();
  }

  result<void> make_folder(const path& folder) override {
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return file_failure("make the folder", folder, check_space);
    return success();
  }

  result<void> sync_folder(const path& folder) override {
    descriptor open(folder, O_RDONLY | O_DIRECTORY);
    if (!open || ::fsync(open.get()) != 0)
      return file_failure("bring to the disk the folder", folder,
                          "what was written there may be lost in a power cut");
    return success();
  }

  result<std::vector<entry>> list(const path& folder) override {
    std::vector<entry> made;
    std::error_code problem;
    for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end;
         at.increment(problem)) {
      std::error_code unknown;
      made.push_back({at->path().filename().string(), at->is_directory(unknown)});
    }
    if (problem && problem != std::errc::no_such_file_or_directory)
      return failure(errc::bad_file, fmt::format("cannot list {}: {}; check the folder's rights",
                                                 folder.string(), problem.message()));
    std::ranges::sort(made, {}, &entry::name);
    return made;
  }
};

} // namespace

std::unique_ptr<file_system> local_files() { return std::make_unique<local_file_system>(); }

result<void> file_in_memory::read(std::uint64_t first, std::span<std::byte> to) const {
  if (first > bytes_.size() || to.size() > bytes_.size() - first)
    return failure(errc::bad_file,
                   fmt::format("{} bytes end before byte {}", bytes_.size(), first + to.size()));
  std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(first), to.size()), to.begin());
  return success();
}

result<std::vector<char>> read_all(const readable_file& file, std::size_t bytes_max,
                                   const std::filesystem::path& place) {
  if (file.size() > bytes_max)
    return failure(errc::bad_file, fmt::format("{} has {} bytes, expected at most {}; check that "
                                               "it is the right file",
                                               place.string(), file.size(), bytes_max));
  std::vector<char> content(static_cast<std::size_t>(file.size()));
  BOOST_OUTCOME_TRY(file.read(0, std::as_writable_bytes(std::span(content))));
  return content;
}

} // namespace lagrange::runtime
