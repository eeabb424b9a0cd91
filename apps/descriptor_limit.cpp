#include "apps/descriptor_limit.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

namespace lagrange::apps {

using runtime::errc;
using runtime::failure;

std::uint64_t descriptors_of(const runtime::job& x) {
  // Counted on real jobs: 30 with nobody, 3 for each worker and 4 for each shard; and some more
  // while one starts, and for those who give orders.
  constexpr std::uint64_t nobody = 64, each = 4;
  return nobody + each * (std::uint64_t{x.topology.places()} + x.topology.shards);
}

runtime::result<void> allow_descriptors(std::uint64_t count) {
  rlimit found{};
  if (::getrlimit(RLIMIT_NOFILE, &found) != 0 || found.rlim_cur >= count) return runtime::success();
  const auto granted = found.rlim_cur;
  found.rlim_cur = count;
  if (found.rlim_max >= count && ::setrlimit(RLIMIT_NOFILE, &found) == 0) return runtime::success();
  return failure(errc::bad_argument,
                 fmt::format("a process of this job opens up to {} files, and the limit is {}: "
                             "raise it (ulimit -n {}), or take fewer workers and shards",
                             count, granted, count));
}

} // namespace lagrange::apps
