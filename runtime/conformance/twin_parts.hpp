/// \file
/// What trials of twins are made of: stamps, views and an optimizer that counts. Everything belongs
/// to job 7, term 1; lives start at 1.
#pragma once

#include "ops/optimizer.hpp"
#include "runtime/worker.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace lagrange::runtime {

inline stamp stamp_of(actor_role role, std::uint32_t index = 0, std::uint32_t life = 1,
                      std::uint64_t view = 1) {
  return {{7}, {1}, {view}, {role, index}, {life}};
}
inline stamp worker_stamp(std::uint32_t index, std::uint32_t life = 1) {
  return stamp_of(actor_role::worker, index, life);
}

/// Adds every gradient to the parameters: whole numbers count exactly what was applied.
class counting_optimizer final : public ops::optimizer {
public:
  void begin_step(float) override {}
  void step_part(std::size_t, std::span<float> parameters, std::span<const float> gradient,
                 float scale) override {
    LAGRANGE_EXPECT(parameters.size() == gradient.size(), "a gradient of another size");
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] += scale * gradient[i];
  }
  std::vector<ops::optimizer_state> state() override { return {}; }
};

inline ops::tensor tensor_of(std::vector<float> values) {
  ops::tensor made(ops::dtype::f32, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), made.values<float>().begin());
  return made;
}

/// The frames of a gradient's push: at most `length` elements each, the last ones first.
inline std::vector<gradient_part> parts_of(const ops::tensor& gradient, std::int64_t length) {
  std::vector<gradient_part> parts;
  for (std::int64_t first = 0; first < gradient.elements(); first += length)
    parts.push_back({static_cast<std::uint64_t>(first),
                     gradient.slice(first, std::min(length, gradient.elements() - first)),
                     {},
                     {},
                     {}});
  std::ranges::reverse(parts);
  return parts;
}

/// View `number` of the supervisor.
inline membership_view view_of(std::uint64_t number, std::vector<member> members) {
  return {stamp_of(actor_role::supervisor, 0, 1, number), std::move(members)};
}
inline member live(std::uint32_t worker, std::uint32_t life) {
  return {{worker}, {life}, true, false};
}

} // namespace lagrange::runtime
