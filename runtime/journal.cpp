#include "runtime/journal.hpp"

namespace lagrange::runtime {

std::uint64_t staleness_of(const journal_entry& x) {
  const auto passed = x.version.value - x.read.value;
  return x.kind == journal_kind::applied && passed > 0 ? passed - 1 : passed; // its own version
}

} // namespace lagrange::runtime
