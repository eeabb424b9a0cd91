#include "runtime/journal.hpp"

#include <algorithm>

namespace lagrange::runtime {

sha256_digest policy_bytes(std::string_view policy) {
  sha256_digest made{};
  LAGRANGE_EXPECT(policy.size() <= made.size(), "a policy that no journal can hold");
  std::ranges::copy(std::as_bytes(std::span(policy)), made.begin());
  return made;
}

std::string policy_of(const journal_entry& x) {
  const auto* begin = reinterpret_cast<const char*>(x.digest.data());
  return {begin, std::find(begin, begin + x.digest.size(), '\0')};
}

std::uint64_t staleness_of(const journal_entry& x) {
  const auto passed = x.version.value - x.read.value;
  return x.kind == journal_kind::applied && passed > 0 ? passed - 1 : passed; // its own version
}

} // namespace lagrange::runtime
