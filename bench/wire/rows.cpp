#include "bench/wire/rows.hpp"

#include "bench/wire/caf_path.hpp"

namespace lagrange::bench {

compared bench_rows::beside(order bare, const plane_options& options) const {
  near_plane plane(with_, options, memory_);
  bare.way = options.is_tcp ? bare_way::tcp : bare_way::shared_memory;
  const work through_plane = [&](std::uint64_t count) { return plane.run(count); };
  const work through_bare = [&](std::uint64_t count) {
    bare.count = count;
    return run_bare(with_, memory_, bare);
  };
  return measure(through_plane, through_bare, how_);
}

compared bench_rows::goodput(const plane_options& options) const {
  order bare;
  bare.goes = options.goes;
  bare.bytes = options.bytes;
  auto found = beside(bare, options);
  const auto unit_bytes =
      static_cast<double>(options.bytes) * (options.goes == direction::both ? 2 : 1);
  found.ours *= unit_bytes / 1e9;
  found.bare *= unit_bytes / 1e9;
  return found;
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
  const work through_plane = [&](std::uint64_t count) { return plane.run(count); };
  const work through_caf = [&](std::uint64_t count) { return caf.run(count); };
  return measure(through_plane, through_caf, how_);
}

} // namespace lagrange::bench
