/// \file
/// Finds and loads the CUDA backend, or says why there is none.
#pragma once

#include "ops/cuda/backend.hpp"

#include <string>

namespace lagrange::ops::cuda {

/// The backend; once loaded it stays loaded until the program ends.
struct loaded_backend {
  const backend* table = nullptr; ///< null if there is none to use
  int devices = 0;                ///< more than 0 if there is one to use
  std::string absence;            ///< why there is none, as a sentence; or empty
};

/// Opens this file.
loaded_backend load_module(const std::string& file);

/// Looks for lagrange_cuda.so in `folder`.
loaded_backend load_backend(const std::string& folder);

/// Looks beside the running program.
loaded_backend load_backend();

/// As the backend describes it: what bits depend on.
/// Requires: 0 <= index < backend.devices. Errors: throws device_error.
std::string describe(const loaded_backend& backend, int index);

} // namespace lagrange::ops::cuda
