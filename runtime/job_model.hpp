/// \file
/// The keys of [model] beside its name: numbers that the model's row knows, or a list of layers
/// instead of a name. Which numbers there are is known by the models alone, so these keys are in no
/// table of keys.
#pragma once

#include "runtime/job.hpp"

#include <toml++/toml.h>

namespace lagrange::runtime {

/// Whether a key that is in no table may be one of these, by the type of its value.
bool is_model_key(std::string_view key, const toml::node& value);
/// Reads it into `out`. What is wrong with it, as a person reads it after the key's name; empty if
/// nothing is.
std::string read_model_key(std::string_view key, const toml::node& value, job& out);
/// As lines of [model].
std::string write_model_keys(const job& x);

/// The network that the keys of [model] describe.
/// Errors: throws std::invalid_argument, saying what would fit.
std::unique_ptr<ops::network> make_model(const job& x, const catalog& rows,
                                         const ops::model_input& input);

} // namespace lagrange::runtime
