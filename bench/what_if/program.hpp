/// \file
/// The program itself, which this one also is, run as a process of its own: what a user gets.
#pragma once

#include "runtime/summary.hpp"

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lagrange::bench {

/// Whether the arguments are those of the program, as its own processes get them.
bool is_verb(std::span<char* const> arguments);

/// A folder for runs, gone with this object.
class runs_folder {
public:
  /// Errors: throws device_error.
  runs_folder();
  ~runs_folder();
  runs_folder(const runs_folder&) = delete;
  runs_folder& operator=(const runs_folder&) = delete;

  struct made_run {
    std::filesystem::path folder;
    runtime::summary figures;
  };
  /// Runs `words` to the end, quietly, into a new folder.
  /// Errors: throws device_error when the job did not end `done`.
  made_run make(std::vector<std::string> words);

private:
  std::filesystem::path at_;
  int made_ = 0;
};

} // namespace lagrange::bench
