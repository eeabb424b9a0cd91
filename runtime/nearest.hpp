/// \file
/// The name that a misspelt word was meant to be, for errors that a person reads.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// The one of `names` with the smallest edit distance to `word` (a letter put in, left out,
/// changed, or two neighbours swapped, in either case); empty if nothing is near: a third of the
/// letters may be wrong, at least one. The first of equals wins. Cost: |word| * |name| for each
/// name.
std::string nearest(std::string_view word, std::span<const std::string_view> names);

/// `; did you mean "NAME"?` for the nearest of `names`; empty if nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

} // namespace lagrange::runtime
