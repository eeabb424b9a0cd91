/// \file
/// What a link is made to be when its times are injected: how long every frame takes, and how many
/// bytes pass in a second.
#pragma once

#include <chrono>
#include <cstdint>

namespace lagrange::runtime::transport {

/// Of each link and direction by itself: two links with 100 Mbit together carry 200.
struct link_shape {
  std::chrono::nanoseconds latency{0}; ///< one way
  std::uint64_t bytes_per_second = 0;  ///< 0: as many as there are

  bool empty() const { return *this == link_shape{}; }
  bool operator==(const link_shape&) const = default;
};

} // namespace lagrange::runtime::transport
