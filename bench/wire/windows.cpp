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
  double spent = 0;
  for (int turn = 0; turn < how.turns_max && (turn < how.turns_min || spent < how.seconds_max);
       ++turn) {
    const auto our_time = ours(our_units), bare_time = bare(bare_units);
    spent += our_time + bare_time;
    our_rates.push_back(static_cast<double>(our_units) / our_time);
    bare_rates.push_back(static_cast<double>(bare_units) / bare_time);
    ratios.push_back(our_rates.back() / bare_rates.back());
  }
  return {median(our_rates), median(bare_rates), median(ratios)};
}

} // namespace lagrange::bench
