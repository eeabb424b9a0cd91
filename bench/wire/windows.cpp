#include "bench/wire/windows.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

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

double ninth_decile(std::vector<double> of) {
  const auto at = of.begin() + static_cast<std::ptrdiff_t>((of.size() - 1) * 9 / 10);
  std::ranges::nth_element(of, at);
  return *at;
}

} // namespace

std::vector<double> measure_rates(std::span<const work> sides, const windows& how) {
  std::vector<std::uint64_t> units;
  for (const auto& side : sides) units.push_back(calibrate(side, how));
  std::vector<std::vector<double>> rates(sides.size());
  for (int turn = 0; turn < how.turns; ++turn)
    for (std::size_t i = 0; i < sides.size(); ++i)
      rates[i].push_back(static_cast<double>(units[i]) / sides[i](units[i]));
  if (getenv("DEBUG_TURNS")) for (int t=0;t<how.turns;++t) { for (auto&r:rates) fprintf(stderr,"%12.1f",r[t]); fprintf(stderr,"\n"); }
  std::vector<double> made;
  for (auto& each : rates) made.push_back(ninth_decile(std::move(each)));
  return made;
}

} // namespace lagrange::bench
