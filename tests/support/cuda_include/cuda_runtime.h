/// \file
/// Stands where the CUDA runtime's header would, in a build of ops/cuda for the CPU.
#pragma once
#include "tests/support/cuda_emulated_runtime.hpp"
