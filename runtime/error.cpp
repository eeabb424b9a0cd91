#include "runtime/error.hpp"

#include "ops/contract.hpp"

#include <array>

namespace lagrange::runtime {

std::string_view name(errc code) {
  constexpr std::array<std::string_view, 9> names{"none",      "bad argument", "bad file",
                                                  "bad frame", "fenced",       "peer gone",
                                                  "timed out", "job failed",   "interrupted"};
  const auto index = static_cast<std::size_t>(code);
  return index < names.size() ? names[index] : "unknown";
}

namespace detail {
void wide_check::fail(const error* found) {
  throw ops::contract_error(found ? "a failed result was read: " + found->text
                                  : "the error of a good result was read");
}
} // namespace detail

} // namespace lagrange::runtime
