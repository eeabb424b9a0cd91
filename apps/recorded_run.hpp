/// \file
/// A run that is over, as its folder tells it: the config, the journals, how it ended.
#pragma once

#include "runtime/assembly.hpp"
#include "runtime/journal_history.hpp"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

struct recorded_run {
  std::filesystem::path folder;
  runtime::job job;
  runtime::data_facts facts;
  std::vector<runtime::journal> journals; ///< by shard: its history over all terms
  std::vector<runtime::history_term> terms;
  std::string outcome;           ///< of the summary; empty: there is none
  std::string parameters_sha256; ///< empty: the job did not end
  std::optional<double> test_accuracy;
};

/// Reads a run's folder, and opens its data for the facts. The devices that it computed on need not
/// be here.
/// Errors: bad_file or bad_argument: what is missing, damaged, of another version, or does not
/// belong together, and what to do.
runtime::result<recorded_run> read_run(const std::filesystem::path& folder,
                                       const runtime::catalog& rows);

/// What of the program, its machine and its devices is different now, one sentence each.
std::vector<std::string> differences_of(const recorded_run& run, const runtime::catalog& rows);

/// What there is to say about terms, if there were several; a line each.
std::vector<std::string> terms_told(const recorded_run& run);
/// The same, one object a term.
nlohmann::json terms_json(const recorded_run& run);

/// Sentences about journals that were cut off, if any.
std::vector<std::string> torn_tails_of(const recorded_run& run);

} // namespace lagrange::apps
