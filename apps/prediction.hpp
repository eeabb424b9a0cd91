/// \file
/// A run that a simulation takes its step times from, and what the simulation says beside what the
/// run measured.
#pragma once

#include "runtime/catalog.hpp"
#include "runtime/error.hpp"
#include "runtime/job.hpp"
#include "runtime/summary.hpp"
#include "runtime/worker_shares.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace lagrange::apps {

/// What a run measured.
struct measured_run {
  std::filesystem::path folder;
  runtime::job what;
  runtime::summary figures;
  std::vector<runtime::worker_share> workers;
};

/// Errors: bad_file, naming what is missing or damaged, and what to do.
runtime::result<measured_run> read_measured(const std::filesystem::path& folder,
                                            const runtime::catalog& rows);

/// A table of lines for a person: each figure as measured and as predicted.
std::string prediction_text(const measured_run& from, const runtime::summary& predicted);
/// One JSON object on one line, with both summaries, and what a batch was taken to cost more than
/// in the run.
std::string prediction_json(const measured_run& from, const runtime::summary& predicted,
                            std::chrono::microseconds step_cost);

} // namespace lagrange::apps
