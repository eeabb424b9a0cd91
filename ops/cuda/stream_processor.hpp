/// \file
/// A CUDA device as a processor: tapes that are made with it lay their variables out in its memory
/// and do their operations on a stream of their own. A step waits once, at its end.
#pragma once

#include "ops/cuda/backend.hpp"
#include "ops/processor.hpp"

namespace lagrange::ops::cuda {

/// `table` stays. Errors: throws device_error, with the backend's reason, if the device is not to
/// be had.
std::unique_ptr<processor> make_processor(const backend& table, int index);

} // namespace lagrange::ops::cuda
