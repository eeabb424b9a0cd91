/// \file
/// Where tests find real data: LAGRANGE_DATA, by default ../shared/data beside the checkout.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace lagrange::tests {

inline std::filesystem::path data_folder() {
  const char* named = std::getenv("LAGRANGE_DATA");
  return named ? named : "../shared/data";
}

} // namespace lagrange::tests
