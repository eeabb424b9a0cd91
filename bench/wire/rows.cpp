#include "bench/wire/rows.hpp"

#include "bench/wire/caf_path.hpp"

#include <array>

namespace lagrange::bench {

compared bench_rows::measure(const work& ours, const work& bare) const {
  const std::array sides{ours, bare};
  const auto rates = measure_rates(sides, how_);
  return {rates[0], rates[1]};
}

compared bench_rows::beside(order bare, const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  bare.way = options.is_tcp ? bare_way::tcp : bare_way::shared_memory;
  return measure([&](std::uint64_t count) { return plane.run(count); },
                 [&](std::uint64_t count) {
                   bare.count = count;
                   return run_bare(with_, memory_, bare);
                 });
}

compared bench_rows::goodput(const plane_options& options) const {
  order bare;
  bare.goes = options.goes;
  bare.bytes = options.bytes;
  const auto units = beside(bare, options);
  const auto unit_bytes =
      static_cast<double>(options.bytes) * (options.goes == direction::both ? 2 : 1);
  return {units.ours * unit_bytes / 1e9, units.bare * unit_bytes / 1e9};
}

compared bench_rows::round_trips(const plane_options& options) const {
  order ping;
  ping.goes = direction::exchange;
  ping.bytes = 64;
  return beside(ping, options);
}

compared bench_rows::exchanges(const plane_options& options) const {
  order copy;
  copy.goes = direction::exchange;
  copy.bytes = options.bytes;
  return beside(copy, options);
}

compared bench_rows::small_pushes(const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  near_caf caf(with_, options.bytes, options.in_flight);
  return measure([&](std::uint64_t count) { return plane.run(count); },
                 [&](std::uint64_t count) { return caf.run(count); });
}

} // namespace lagrange::bench
