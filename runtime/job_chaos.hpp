/// \file
/// The [chaos] table of a job: times that are injected, as its keys say them.
#pragma once

#include "runtime/chaos.hpp"
#include "runtime/job.hpp"

#include <toml++/toml.h>

namespace lagrange::runtime {

/// Requires: values that parse_job has let pass.
chaos chaos_of(const job& x);

/// Why the text is no value of such a key; empty if it is one.
std::string slow_problem(std::string_view text);
std::string jitter_problem(std::string_view text);
std::string failures_problem(std::string_view text);
std::string link_problem(std::string_view text);

/// Reads a list of texts, or one text alone. What is wrong with it; empty, and `out` is the list,
/// if nothing is.
std::string read_rules(const toml::node& found, std::string (*problem)(std::string_view),
                       std::vector<std::string>& out);

/// The first rule about an actor that the job does not have.
struct stray_rule {
  std::string_view key; ///< as in "chaos.slow"
  std::string text;     ///< what is wrong, and what was expected
};
std::optional<stray_rule> find_stray_rule(const job& x);

} // namespace lagrange::runtime
