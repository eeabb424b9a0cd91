/// \file
/// The rows of the table: what is measured against what, and which ratio is the goal.
#pragma once

#include "bench/wire/plane.hpp"
#include "bench/wire/windows.hpp"

namespace lagrange::bench {

class bench_rows {
public:
  bench_rows(const process_pair& with, const bare_memory& memory, const windows& how)
      : with_(with), memory_(memory), how_(how) {}

  /// Payload through the plane, beside the bare channel of the same kind. Units: GB/s of payload,
  /// both directions counted.
  compared goodput(const plane_options& options) const;
  /// 4 KiB pushes beside those of the first job's path. Units: pushes/s.
  compared small_pushes(const plane_options& options) const;
  /// Steps of the shard's twin beside bare round trips of 64 bytes. Units: round trips/s.
  compared round_trips(const plane_options& options) const;
  /// Push, apply and pull beside a bare copy there and back. Units: exchanges/s.
  compared exchanges(const plane_options& options) const;

private:
  compared beside(order bare, const plane_options& options) const;

  const process_pair& with_;
  const bare_memory& memory_;
  windows how_;
};

} // namespace lagrange::bench
