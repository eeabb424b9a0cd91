#include "ops/network.hpp"

#include "ops/processor.hpp"
#include "ops/random.hpp"

#include <algorithm>
#include <stdexcept>

namespace lagrange::ops {

void network::compute_in(dtype precision) {
  if (precision != dtype::f32)
    throw std::invalid_argument("this model computes in f32 only, not in " +
                                std::string(name(precision)));
}

void network::touch(const tensor&, std::uint64_t, touched_rows&) {
  LAGRANGE_EXPECT(false, "a network without tables touches no rows");
}

std::int64_t network::rows_touched_max(std::size_t, const shape&) const { return 0; }

void network::compute_on(std::unique_ptr<processor>) {
  throw std::invalid_argument("this model computes on the CPU only");
}

void initialise(const parameter_spec& spec, std::uint64_t seed, std::size_t position,
                std::int64_t first, std::span<float> out) {
  const auto last = first + static_cast<std::int64_t>(out.size());
  LAGRANGE_EXPECT(first >= 0 && last <= spec.extents.elements(),
                  spec.name + " " + to_string(spec.extents) + " has no elements " +
                      std::to_string(first) + " to " + std::to_string(last));
  switch (spec.start.kind) {
  case initialiser::kind_type::zeros:
    std::ranges::fill(out, 0.0F);
    return;
  case initialiser::kind_type::ones:
    std::ranges::fill(out, 1.0F);
    return;
  case initialiser::kind_type::uniform:
    break;
  }
  const random_sequence drawn(seed, position);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = spec.start.limit * (2 * drawn.unit(static_cast<std::uint64_t>(first) + i) - 1);
}

std::int64_t parameter_elements(std::span<const parameter_spec> specs) {
  std::int64_t sum = 0;
  for (const auto& spec : specs) sum += spec.is_table() ? 0 : spec.extents.elements();
  return sum;
}

std::int64_t table_elements(std::span<const parameter_spec> specs) {
  std::int64_t sum = 0;
  for (const auto& spec : specs) sum += spec.is_table() ? spec.extents.elements() : 0;
  return sum;
}

} // namespace lagrange::ops
