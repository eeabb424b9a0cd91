/// \file
/// What is done to files, each call one step that a kill or a power cut may come before or after.
/// Injected, so that a test can let it come at every single one.
#pragma once

#include "runtime/error.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Is on the disk once sync() has returned, under a name once the folder's sync has.
class written_file {
public:
  virtual ~written_file() = default;
  /// Adds bytes at the end.
  virtual result<void> write(std::span<const std::byte> bytes) = 0;
  virtual result<void> sync() = 0;
  /// Some file systems report a failed write only here.
  virtual result<void> close() = 0;
};

class readable_file {
public:
  virtual ~readable_file() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills `to` with what begins at byte `first`. Errors: bad_file, also where the file ends early.
  virtual result<void> read(std::uint64_t first, std::span<std::byte> to) const = 0;
};

/// Errors: bad_file, naming what failed, the path, why, and what to do.
class file_system {
public:
  using path = std::filesystem::path;

  struct entry {
    std::string name;
    bool is_folder = false;
  };

  virtual ~file_system() = default;
  /// An empty file of that name, whether there is one or not.
  virtual result<std::unique_ptr<written_file>> create(const path& file) = 0;
  virtual result<std::unique_ptr<readable_file>> open(const path& file) = 0;
  /// `to` may exist, and is replaced.
  virtual result<void> rename(const path& from, const path& to) = 0;
  /// A file, or an empty folder. One that is not there is removed already.
  virtual result<void> remove(const path& which) = 0;
  /// One that is there is made already. Requires: its parent is there.
  virtual result<void> make_folder(const path& folder) = 0;
  /// Brings the names in it to the disk.
  virtual result<void> sync_folder(const path& folder) = 0;
  /// By name. A folder that is not there has nothing in it.
  virtual result<std::vector<entry>> list(const path& folder) = 0;
};

/// That of this machine.
std::unique_ptr<file_system> local_files();

/// Content that stands in memory, as a file.
class file_in_memory final : public readable_file {
public:
  /// Requires: bytes that outlive it.
  explicit file_in_memory(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  result<void> read(std::uint64_t first, std::span<std::byte> to) const override;

private:
  std::span<const std::byte> bytes_;
};

/// Of a file that is to be read as a whole. Errors: bad_file, for a larger one.
result<std::vector<char>> read_all(const readable_file& file, std::size_t bytes_max,
                                   const std::filesystem::path& place);

} // namespace lagrange::runtime
