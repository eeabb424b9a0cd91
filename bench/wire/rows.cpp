#include "bench/wire/rows.hpp"

#include "bench/wire/caf_path.hpp"

#include <array>

namespace lagrange::bench {

compared bench_rows::measure(const work& ours, const work& bare) const {
  const std::array sides{ours, bare};
  const auto rates = measure_rates(sides, how_);
  return {rates[0], rates[1]};
}

compared bench_rows::goodput(const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  const auto way = options.is_tcp ? bare_way::tcp : bare_way::shared_memory;
  auto made =
      measure([&](std::uint64_t count) { return plane.run(count); },
              [&](std::uint64_t count) {
                return run_bare_stream(with_, memory_, way, options.goes, options.bytes, count);
              });
  const auto unit_bytes =
      static_cast<double>(options.bytes) * (options.goes == direction::both ? 2 : 1);
  made.ours *= unit_bytes / 1e9;
  made.bare *= unit_bytes / 1e9;
  return made;
}

compared bench_rows::small_pushes(const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  near_caf caf(with_, options.bytes, options.in_flight);
  return measure([&](std::uint64_t count) { return plane.run(count); },
                 [&](std::uint64_t count) { return caf.run(count); });
}

compared bench_rows::round_trips(const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  return measure([&](std::uint64_t count) { return plane.run(count); },
                 [&](std::uint64_t count) { return run_bare_ping(with_, count); });
}

compared bench_rows::exchanges(const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  return measure([&](std::uint64_t count) { return plane.run(count); },
                 [&](std::uint64_t count) {
                   return run_bare_stream(with_, memory_, bare_way::shared_memory,
                                          direction::exchange, options.bytes, count);
                 });
}

} // namespace lagrange::bench
