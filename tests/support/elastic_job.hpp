/// \file
/// Words that start a job with room for more workers, and what such jobs are asked, for tests with
/// real processes.
#pragma once

#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace lagrange::tests {

/// Two workers and one shard that count; every lease is one update. Links of 1 ms pace it.
inline std::vector<std::string> elastic_job(const temporary_folder& folder, int leases,
                                            const std::vector<std::string>& more = {}) {
  std::vector<std::string> made{"run",       "--json",
                                "--output",  folder.path().string(),
                                "--policy",  "ssp:3",
                                "--workers", "2",
                                "--shards",  "1",
                                "--link",    "shard-0:1ms",
                                "--set",     "model.name=count",
                                "--set",     "data.format=synthetic",
                                "--set",     fmt::format("data.path=blobs:{}:2:2", leases),
                                "--set",     "data.batch=1",
                                "--set",     "data.epochs=1",
                                "--set",     "optimizer.name=sgd",
                                "--set",     "optimizer.momentum=0",
                                "--set",     "topology.max_workers=3",
                                "--summary", (folder.path() / "summary.json").string()};
  made.insert(made.end(), more.begin(), more.end());
  return made;
}

inline nlohmann::json summary_in(const temporary_folder& folder) {
  std::ifstream file(folder.path() / "summary.json");
  return nlohmann::json::parse(file, nullptr, false);
}

/// The run's folder, whatever else is beside it.
inline std::filesystem::path run_in(const temporary_folder& folder) {
  for (const auto& each : std::filesystem::directory_iterator(folder.path()))
    if (each.is_directory()) return each.path();
  return {};
}

inline bool has_steps(const nlohmann::json& status, const std::string& name, int steps) {
  const auto row = row_of(status, name);
  return row.is_object() && row["state"] == "running" && row["clock"].is_number() &&
         row["clock"] >= steps;
}

struct program_end {
  int status;
  std::string text;
};
/// Runs the program to its end.
inline program_end call(const std::vector<std::string>& words) {
  running_program program(words);
  const auto end = program.wait();
  return {end.status, program.output()};
}

} // namespace lagrange::tests
