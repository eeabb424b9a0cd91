#include "runtime/row_plan.hpp"

#include "runtime/permutation.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

class planner {
public:
  planner(std::unique_ptr<ops::network> network, const table_split& split, std::uint64_t seed)
      : network_(std::move(network)), split_(split), seed_(seed) {}

  std::shared_ptr<const row_plan> plan(const lease& what, const batch& samples) {
    auto made = free_plan();
    network_->touch(samples.inputs, step_key(seed_, what), made->touched);
    made->wanted.resize(split_.shards());
    for (std::uint32_t shard = 0; shard < split_.shards(); ++shard)
      split_.select(made->touched.rows, {shard}, made->wanted[shard]);
    return made;
  }

private:
  std::shared_ptr<row_plan> free_plan() {
    const auto free = std::ranges::find(plans_, 1, &std::shared_ptr<row_plan>::use_count);
    if (free != plans_.end()) return *free;
    return plans_.emplace_back(std::make_shared<row_plan>());
  }

  std::unique_ptr<ops::network> network_;
  table_split split_;
  std::uint64_t seed_;
  std::vector<std::shared_ptr<row_plan>> plans_; ///< the step's, the next one's, one on its way
};

} // namespace

std::uint64_t step_key(std::uint64_t seed, const lease& what) {
  return mix(mix(mix(seed) ^ what.id.value) ^ what.attempt.value);
}

plan_maker make_planner(std::unique_ptr<ops::network> network, const table_split& split,
                        std::uint64_t seed) {
  LAGRANGE_EXPECT(network != nullptr && !split.empty(), "a planner without tables");
  return [made = std::make_shared<planner>(std::move(network), split, seed)](
             const lease& what, const batch& samples) { return made->plan(what, samples); };
}

} // namespace lagrange::runtime
