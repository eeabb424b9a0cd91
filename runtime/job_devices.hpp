/// \file
/// What workers compute on, as a job says it: the value of topology.devices, and which of them each
/// worker gets.
#pragma once

#include "runtime/job.hpp"

#include <toml++/toml.h>

namespace lagrange::runtime {

/// Reads a list like ["cpu", "cuda:0"]. False, and `out` as it was, if it is none.
bool read_devices(const toml::node& found, std::vector<std::string>& out);

/// The device of a worker: they are dealt out in turns, from the first again after the last.
ops::device device_of(const job& x, std::uint32_t worker);

/// Why this machine cannot give the job its devices, a sentence; empty if it can.
/// Cost: loads the CUDA backend if a worker is to compute on it.
std::string devices_absence(const job& x, const catalog& rows);

/// The libraries that the bits of the job's sums depend on, and its devices here, but for the CPU:
/// as in "oneDNN 2.7.3; NVIDIA H200, sm_90, 132 multiprocessors, ...". Devices of a kind once; of
/// one that is absent, its name.
/// Cost: loads the CUDA backend if a worker is to compute on it.
std::string libraries_of(const job& x, const catalog& rows);

} // namespace lagrange::runtime
