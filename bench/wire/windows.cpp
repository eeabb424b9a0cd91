#include "bench/wire/windows.hpp"

#include <algorithm>
#include <vector>

namespace lagrange::bench {

namespace {

constexpr std::uint64_t units_min = 2;

/// Units that fill a window.
std::uint64_t calibrate(const work& side, const windows& how) {
  std::uint64_t units = units_min;
  side(units); // warms up
  while (side(units) < how.seconds) units *= 2;
  return units;
}

double median(std::vector<double> of) {
  const auto at = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::ranges::nth_element(of, at);
  return *at;
}

} // namespace

compared measure(const work& ours, const work& bare, const windows& how) {
  const auto our_units = calibrate(ours, how), bare_units = calibrate(bare, how);
  std::vector<double> our_rates, bare_rates, ratios;
  for (int turn = 0; turn < how.turns; ++turn) {
    our_rates.push_back(static_cast<double>(our_units) / ours(our_units));
    bare_rates.push_back(static_cast<double>(bare_units) / bare(bare_units));
    ratios.push_back(our_rates.back() / bare_rates.back());
  }
  return {median(our_rates), median(bare_rates), median(ratios)};
}

} // namespace lagrange::bench
