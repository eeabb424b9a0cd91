#include "ops/parallel.hpp"

#include <omp.h>

#include <algorithm>

namespace lagrange::ops {

namespace {
/// A quarter of a frame: an optimizer's step over it takes about 25 us, as long as waking a thread.
constexpr std::size_t part_elements_min = 64 * 1024;
} // namespace

int core_count() { return std::max(1, omp_get_num_procs()); }

void in_parts(std::size_t elements, int threads,
              const std::function<void(std::size_t first, std::size_t count)>& work) {
  const auto parts = std::min<std::size_t>(static_cast<std::size_t>(std::max(threads, 1)),
                                           std::max<std::size_t>(elements / part_elements_min, 1));
  if (parts == 1) return work(0, elements);
  const auto length = (elements + parts - 1) / parts;
#pragma omp parallel for num_threads(static_cast <int>(parts)) schedule(static, 1)
  for (std::size_t part = 0; part < parts; ++part) {
    const auto first = std::min(part * length, elements);
    work(first, std::min(length, elements - first));
  }
}

} // namespace lagrange::ops
