#include "runtime/transport/memory_file.hpp"

#include "ops/contract.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace lagrange::runtime::transport {

namespace {

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

[[noreturn]] void throw_failed(const char* what, std::uint64_t bytes) {
  throw ops::device_error(
      fmt::format("no {} of {} bytes to share: {}", what, bytes, std::strerror(errno)));
}

int protection(access how) { return how == access::write ? PROT_READ | PROT_WRITE : PROT_READ; }

} // namespace

descriptor make_memory_file(const char* name, std::uint64_t bytes) {
  descriptor made(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!made || ::ftruncate(made.get(), static_cast<off_t>(bytes)) != 0 ||
      ::fcntl(made.get(), F_ADD_SEALS, size_seals) != 0)
    throw_failed("memory", bytes);
  return made;
}

void seal_for_readers(const descriptor& file) {
  // An old kernel does not know this seal: readers map it to read all the same.
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
}

result<std::uint64_t> sealed_bytes(const descriptor& file) {
  struct stat found {};
  const int seals = ::fcntl(file.get(), F_GET_SEALS);
  if (seals < 0 || (seals & size_seals) != size_seals || ::fstat(file.get(), &found) != 0 ||
      found.st_size < 0)
    return failure(errc::bad_frame, "a peer on this host passed a descriptor that is no memory of "
                                    "a sealed size; the link was closed");
  return static_cast<std::uint64_t>(found.st_size);
}

mapping::mapping(const descriptor& file, std::uint64_t offset, std::uint64_t bytes, access how)
    : bytes_(bytes) {
  void* made =
      ::mmap(nullptr, bytes, protection(how), MAP_SHARED, file.get(), static_cast<off_t>(offset));
  if (made == MAP_FAILED) throw_failed("mapping", bytes);
  data_ = static_cast<std::byte*>(made);
}

mapping mapping::mirrored(const descriptor& file, std::uint64_t offset, std::uint64_t bytes,
                          access how) {
  void* both = ::mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (both == MAP_FAILED) throw_failed("mapping", 2 * bytes);
  mapping made;
  made.data_ = static_cast<std::byte*>(both);
  made.bytes_ = 2 * bytes;
  for (auto* half : {made.data_, made.data_ + bytes})
    if (::mmap(half, bytes, protection(how), MAP_SHARED | MAP_FIXED, file.get(),
               static_cast<off_t>(offset)) == MAP_FAILED)
      throw_failed("mapping", bytes);
  return made;
}

mapping::~mapping() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

} // namespace lagrange::runtime::transport
