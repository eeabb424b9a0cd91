/// \file
/// Which program this is: two that were linked from different objects have different ids.
#pragma once

#include <string>

namespace lagrange::runtime {

/// The GNU build id of the running program in hexadecimal digits, or lagrange's version if the
/// program was linked without one.
std::string build_id();

} // namespace lagrange::runtime
