/// \file
/// What a config names with arguments, as in "ssp:3" or "step:2 epochs:0.1": read against the table
/// of its kind. Every such table goes through here, so that all of them refuse alike.
#pragma once

#include "runtime/error.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// The parts of "name:argument:argument"; at least one.
std::vector<std::string_view> split_spec(std::string_view spec);

/// A whole number in [low, high], or an error that names `what`.
result<std::uint64_t> parse_count(std::string_view text, std::string_view what, std::uint64_t low,
                                  std::uint64_t high);

/// A finite number in [low, high], or an error that names `what`.
result<double> parse_number(std::string_view text, std::string_view what, double low, double high);

/// What the rows of a table are called, for the error that names them.
struct spec_names {
  std::vector<std::string_view> names;
  std::vector<std::string> usages; ///< as in "ssp:BOUND"
};

/// Errors to be: an unknown name, or another number of arguments than the row has.
error unknown_spec(std::string_view kind, std::string_view spec, const spec_names& known);
error wrong_arguments(std::string_view kind, std::string_view spec, std::string_view usage);

/// As in "ssp:BOUND".
std::string usage_of(std::string_view name, std::string_view arguments);

/// Whether a row whose arguments are written so takes that many: "A:B" two, "A[:B]" one or two.
bool takes(std::string_view arguments, std::size_t count);

/// Calls `make` of the row that `spec` names, with its arguments and then `more`.
/// Errors: bad_argument, with the nearest name, or the arguments that were expected.
template <class Row, class... More>
auto make_from(std::span<const Row> rows, std::string_view spec, std::string_view kind,
               const More&... more)
    -> decltype(rows.front().make(std::span<const std::string_view>(), more...)) {
  const auto parts = split_spec(spec);
  spec_names known;
  for (const auto& row : rows) {
    known.names.push_back(row.name);
    known.usages.push_back(usage_of(row.name, row.arguments));
    if (row.name != parts.front()) continue;
    if (!takes(row.arguments, parts.size() - 1)) {
      auto why = wrong_arguments(kind, spec, known.usages.back());
      return failure(why.code, std::move(why.text));
    }
    return row.make(std::span(parts).subspan(1), more...);
  }
  auto why = unknown_spec(kind, spec, known);
  return failure(why.code, std::move(why.text));
}

} // namespace lagrange::runtime
