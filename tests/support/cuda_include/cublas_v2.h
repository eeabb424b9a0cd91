/// \file
/// Stands where the header of cuBLAS would, in a build of ops/cuda for the CPU.
#pragma once
#include "tests/support/cuda_emulated_blas.hpp"
