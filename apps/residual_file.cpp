#include "apps/residual_file.hpp"

#include "ops/contract.hpp"
#include "runtime/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace lagrange::apps {

using runtime::transport::descriptor;

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw ops::device_error(
      fmt::format("the memory of a residual: {}: {}", what, std::strerror(errno)));
}

std::string name_of(const std::string& worker) { return "residual of " + worker; }

/// A mapping, unmapped with its last user. The file stays open, for a supervisor that adopts.
struct mapping {
  mapping(std::span<std::byte> mapped, descriptor open) : all(mapped), file(std::move(open)) {}
  mapping(const mapping&) = delete;
  mapping& operator=(const mapping&) = delete;
  ~mapping() { ::munmap(all.data(), all.size()); }
  std::span<std::byte> all;
  descriptor file;
};

runtime::lasting_memory map(const std::string& path, std::size_t bytes) {
  descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) fail("cannot open " + path);
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) fail("cannot look at " + path);
  if (found.st_size == 0 && ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
    fail(fmt::format("no {} bytes in {}", bytes, path));
  if (found.st_size != 0 && static_cast<std::size_t>(found.st_size) != bytes)
    throw ops::device_error(fmt::format(
        "{} holds the residual of another job: {} bytes, expected {}", path, found.st_size, bytes));
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) fail(fmt::format("cannot map {} bytes of {}", bytes, path));
  const auto made =
      std::make_shared<mapping>(std::span(static_cast<std::byte*>(at), bytes), std::move(file));
  return {made, &made->all};
}

} // namespace

descriptor make_residual_file(const std::string& worker, std::span<const std::byte> begun) {
  descriptor made(::memfd_create(name_of(worker).c_str(), MFD_CLOEXEC));
  if (!made) fail("cannot make it");
  if (!runtime::write_all(made.get(), begun)) fail("cannot write it");
  return made;
}

std::string path_of(const descriptor& file) {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), file.get());
}

descriptor find_residual_file(pid_t process, const std::string& worker) {
  const auto wanted = fmt::format("/memfd:{} (deleted)", name_of(worker));
  std::error_code wrong;
  const std::filesystem::path open = fmt::format("/proc/{}/fd", process);
  for (std::filesystem::directory_iterator at(open, wrong), end; !wrong && at != end;
       at.increment(wrong)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(at->path(), gone) == wanted)
      return descriptor(::open(at->path().c_str(), O_RDWR | O_CLOEXEC));
  }
  return descriptor();
}

runtime::memory_keeper keep_in(std::string path) {
  return [path = std::move(path)](std::size_t bytes) { return map(path, bytes); };
}

} // namespace lagrange::apps
