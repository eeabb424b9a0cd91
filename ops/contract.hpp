/// \file
/// The two kinds of failure that are thrown: a broken contract is a bug, a device error is the
/// machine's. Expected failures (a missing file, a bad frame) are values: runtime/error.hpp.
#pragma once

#include <stdexcept>
#include <string>

namespace lagrange::ops {

/// A precondition was broken: a bug in the caller. The actor dies and its supervisor decides.
struct contract_error : std::logic_error {
  using std::logic_error::logic_error;
};

/// The machine failed (CUDA error, out of memory, disk full). The actor dies and its supervisor
/// decides.
struct device_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws contract_error naming the claim, its place and `text`.
[[noreturn]] void throw_contract_error(const char* claim, const char* file, int line,
                                       const std::string& text);

} // namespace lagrange::ops

/// Checks a precondition, in release builds too; `text` says what was found.
#define LAGRANGE_EXPECT(claim, text)                                                               \
  do {                                                                                             \
    if (!(claim)) ::lagrange::ops::throw_contract_error(#claim, __FILE__, __LINE__, (text));       \
  } while (false)
