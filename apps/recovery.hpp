/// \file
/// Where the next term of a run begins: at the newest cut that is whole, or at the beginning of the
/// job when there is none; in words as well.
#pragma once

#include "runtime/cut_reader.hpp"
#include "runtime/push_encoder.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::apps {

/// How long ago a moment was, as in "31 s" or "2.5 h".
std::string ago(std::chrono::seconds age);

/// As in "cut 12 (31 s ago)" or "the beginning".
std::string place_of(const runtime::found_start& found, std::chrono::sys_seconds now);

/// The job that the run is of, as its newest cut or its journals say; none: it has neither yet.
std::optional<runtime::job_id> job_id_of(const std::filesystem::path& run,
                                         const runtime::found_start& found, std::uint32_t shards);

/// Raises the lives that a term begins with above all of these, by worker.
void begin_after(runtime::term_start& start, const std::vector<runtime::incarnation>& lives);

} // namespace lagrange::apps
