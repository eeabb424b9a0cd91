/// \file
/// What decides the bits of a sum besides the program's text: the vector instructions that are used
/// here, and the library that multiplies matrices.
#pragma once

#include <string>

namespace lagrange::ops {

/// As in "avx2; oneDNN avx2": what our own loops use, and what oneDNN does.
std::string instruction_set();

/// As in "oneDNN 2.7.3".
std::string library_versions();

} // namespace lagrange::ops
