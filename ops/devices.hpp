/// \file
/// What there is to compute on.
#pragma once

#include "ops/processor.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::ops {

struct device_entry {
  device where;
  /// As in "AMD EPYC, AVX2, 2 cores"; of a CUDA device all that the bits of a sum depend on.
  std::string description;
};

struct device_list {
  std::vector<device_entry> devices; ///< the CPU first
  /// Why no CUDA device is listed, as a sentence; empty if one is.
  std::string cuda_absence;
};

/// `cuda_module` is the file of the CUDA backend; empty: lagrange_cuda.so beside the program.
/// Cost: loads the CUDA backend if there is one, which takes 60 ms, or seconds from a cold disk.
device_list list_devices(const std::string& cuda_module = {});

/// As in "cpu" or "cuda:1".
std::string to_string(device where);
/// The device that to_string() writes like this; none: no device is.
std::optional<device> parse_device(std::string_view text);

/// What a network computes on: for network::compute_on().
/// Errors: throws device_error, with a sentence that says why, if the device is not to be had.
std::unique_ptr<processor> make_processor(device where, const std::string& cuda_module = {});

/// Makes products that the calling thread starts run on `threads` threads. Every actor that
/// computes calls it with 1 on a thread of its own: two actors with one thread each are faster than
/// one with two, and sums keep their order. Requires: threads >= 1.
void bind_thread(int threads);

} // namespace lagrange::ops
