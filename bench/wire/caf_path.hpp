/// \file
/// How the first job carried pushes, kept to be measured against: a gradient as one run of flat
/// bytes (header, head and elements copied behind each other, a checksum over all) inside a message
/// between typed actors, over CAF's own network layer, with an answer for each.
#pragma once

#include "bench/wire/process_pair.hpp"

#include <cstdint>
#include <memory>

namespace lagrange::bench {

/// The far end: an actor that decodes each push and answers it.
class far_caf {
public:
  far_caf();
  ~far_caf();
  std::uint16_t port() const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// The near end: an actor that keeps some pushes under way.
class near_caf {
public:
  near_caf(const process_pair& with, std::uint64_t push_bytes, std::uint64_t in_flight);
  ~near_caf();
  /// One window of `count` pushes. Units: seconds.
  double run(std::uint64_t count);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace lagrange::bench
