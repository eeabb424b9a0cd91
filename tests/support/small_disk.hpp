/// \file
/// A disk of a test's own that is soon full: a tmpfs. Only who may mount can have one.
#pragma once

#include "tests/support/temporary_folder.hpp"

#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace lagrange::tests {

class small_disk {
public:
  /// Units: as mount(8) has it, "256k".
  explicit small_disk(const std::string& size)
      : is_there_(::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) ==
                  0),
        why_not_(is_there_ ? "" : std::strerror(errno)) {}
  ~small_disk() {
    if (is_there_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  explicit operator bool() const { return is_there_; }
  const std::string& why_not() const { return why_not_; }
  const std::filesystem::path& path() const { return folder_.path(); }

private:
  temporary_folder folder_;
  bool is_there_;
  std::string why_not_;
};

} // namespace lagrange::tests
