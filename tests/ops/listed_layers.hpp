/// \file
/// Layers as a config describes them, for tests of lists of them.
#pragma once

#include "ops/layer_settings.hpp"

namespace lagrange::tests {

using list = ops::layer_settings::list;
using value = ops::layer_settings::value;

inline ops::layer_settings of_type(const std::string& type,
                                   std::vector<std::pair<std::string, value>> rest = {}) {
  rest.insert(rest.begin(), {"type", type});
  return {std::move(rest)};
}

inline value whole(std::int64_t number) { return number; }
inline value text(const std::string& letters) { return letters; }

} // namespace lagrange::tests
