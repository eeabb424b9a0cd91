/// \file
/// The page of `lagrange compare --html` without what it shows: `{{title}}`, `{{table}}`,
/// `{{notes}}`, `{{data}}` and `{{library}}` stand for that. The build makes it from
/// comparison.html.
#pragma once

#include <string_view>

namespace lagrange::apps {

std::string_view comparison_page();

} // namespace lagrange::apps
