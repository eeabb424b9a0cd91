/// \file
/// What there is to compute on.
#pragma once

#include "ops/tensor.hpp"

#include <string>
#include <vector>

namespace lagrange::ops {

struct device_entry {
  device where;
  std::string description; ///< as in "AMD EPYC, AVX2, 2 cores"
};

struct device_list {
  std::vector<device_entry> devices; ///< the CPU first
  /// Why no CUDA device is listed, as a sentence; empty if one is.
  std::string cuda_absence;
};

/// Cost: loads the CUDA backend if there is one, which takes 60 ms, or seconds from a cold disk.
device_list list_devices();

/// As in "cpu" or "cuda:1".
std::string to_string(device where);

/// Makes products that the calling thread starts run on `threads` threads. Every actor that
/// computes calls it with 1 on a thread of its own: two actors with one thread each are faster than
/// one with two, and sums keep their order. Requires: threads >= 1.
void bind_thread(int threads);

} // namespace lagrange::ops
