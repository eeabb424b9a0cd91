/// \file
/// The numbers of a shard: its parameters, their optimizer, and how both travel. A part of the
/// shard's twin, which decides when a push goes in and when a pull is served; this does it.
#pragma once

#include "ops/network.hpp"
#include "ops/optimizer.hpp"
#include "runtime/codec/codec.hpp"
#include "runtime/messages.hpp"
#include "runtime/schedule.hpp"
#include "runtime/shard_tables.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/staleness/compensation.hpp"
#include "runtime/staleness/weight.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// A whole push: its frames, from the last elements to the first, then rows of tables; the last
/// frame tells the rest.
using whole_push = std::vector<std::shared_ptr<const gradient_push>>;

/// CRC-32C of the bytes of a push's gradient, however it is cut into frames: what the journal keeps
/// of it.
std::uint32_t checksum_of(const whole_push& push);

/// Part of a shard's parameters that belongs to one tensor of the model.
struct tensor_range {
  std::uint32_t tensor = 0; ///< position among the model's parameters
  std::size_t first = 0;    ///< in the shard's parameters
  std::size_t elements = 0;
  ops::parameter_spec::kind_type kind = ops::parameter_spec::kind_type::weight;
};

struct parameter_options {
  std::vector<float> values; ///< at first
  std::unique_ptr<ops::optimizer> optimizer;
  rate_plan rate;                           ///< that the optimizer steps at
  std::uint64_t samples_applied = 0;        ///< of the gradients in the values at first
  int threads = 1;                          ///< cores that a step of a large push may use
  std::uint64_t seed = 0;                   ///< of the job, for a pull codec that draws
  std::unique_ptr<staleness_weight> weight; ///< of late gradients; null: all count alike
  std::unique_ptr<staleness_compensation> compensation; ///< of late gradients; null: none
  float statistic_share = 0.1F; ///< how far one push moves a running average; over 1 + staleness
  std::unique_ptr<codec> push_codec; ///< null: pushes come as they are
  std::unique_ptr<codec> pull_codec; ///< null: parameters go as they are
  allocator memory;                  ///< for published parameters; null: ordinary memory
  /// Whether a worker that holds an older version gets only the blocks that changed, where that is
  /// less. Not on one host: there it reads the published copy without any being made.
  bool sends_changed_blocks = false;
  /// In order, together all parameters; empty: one tensor of weights, whose values nobody counts.
  std::vector<tensor_range> tensors;
  std::vector<shard_table> tables; ///< apart from the values
};

struct shard_state;

class shard_parameters {
public:
  /// Requires: an optimizer made for as many elements as there are values, and a value or a table.
  explicit shard_parameters(parameter_options options);

  /// Without tables.
  std::size_t size() const { return options_.values.size(); }
  const shard_tables& tables() const { return tables_; }
  std::span<const float> values() const { return options_.values; }
  /// Name of the codec in which pushes may come.
  const std::string& push_codec() const { return push_codec_; }

  /// Rows ascend in each frame, and must from frame to frame, so that none is stepped twice.
  /// Errors: bad_frame.
  error find_repeated_row(const whole_push& push) const;
  /// Reads the bytes of a codec, if one wrote the push, so that nothing can go wrong when it is
  /// applied next. On an error nothing has changed. Errors: bad_frame.
  error decode(const whole_push& push);
  /// One step, from where the frames were received, or from what decode() read: of the optimizer
  /// with gradient * clip scale for weights; by a fixed share for statistics, whatever the
  /// optimizer. `staleness` is that of the gradient. `then` is what its worker read, if gradients
  /// are compensated and it is known. Shapes: then [n], or empty.
  void apply(const whole_push& push, std::uint64_t staleness, shard_version becomes,
             std::span<const float> then = {});
  /// Whether apply() makes use of what a worker read.
  bool compensates() const { return options_.compensation != nullptr; }

  /// A round: one step with the sum of several pushes, in the order in which they are added, each
  /// with its own clip scale. `share` is that of the push's samples in the round.
  void begin_sum();
  void add(const whole_push& push, float share, std::uint64_t staleness);
  void apply_sum(shard_version becomes);

  /// Samples of the gradients in the parameters.
  std::uint64_t samples_applied() const { return samples_applied_; }

  /// Values that came and went, by tensor of the model.
  const std::vector<std::uint64_t>& values_pushed() const { return pushed_; }
  const std::vector<std::uint64_t>& values_pulled() const { return pulled_; }

  /// Why these rows cannot be sent, in one frame with all else. Errors: bad_frame.
  error find_defect(const table_rows& asked) const;
  /// The values of rows, as they are now. Requires: rows without defect.
  ops::tensor read_rows(const table_rows& rows);
  /// The parameters, immutable. Cost: a copy, if this version is asked for the first time.
  const ops::tensor& snapshot(shard_version now);
  /// Fills in the parameters of a reply to one who holds version `held` of this life, or nothing.
  void publish(shard_version now, std::optional<shard_version> held, pull_reply& reply);

  /// All that the next step depends on. Cost: a copy of the optimizer state and of the tables, and
  /// of the parameters unless they were published at this version.
  void capture(shard_version now, shard_state& out);
  /// The reverse. Requires: the state of as many parameters under the same optimizer.
  void restore(const shard_state& from);

private:
  /// What a gradient is multiplied by.
  struct scales {
    float weight, statistic;
    float of(ops::parameter_spec::kind_type kind) const {
      return kind == ops::parameter_spec::kind_type::weight ? weight : statistic;
    }
  };
  /// Of a push that is so late; `share` is its part of a round.
  scales scales_of(const gradient_push& closing, float share, std::uint64_t staleness) const;
  /// Calls `work` with each range of one kind of parameters in the `elements` from `first` on.
  template <class Work>
  void each_kind(std::size_t first, std::size_t elements, const Work& work) const;
  void begin_step(std::uint64_t samples);
  void step_part(std::size_t first, std::span<const float> gradient, scales by,
                 shard_version becomes);
  void step_weights(std::size_t first, std::span<const float> gradient, float scale);
  std::span<const float> compensate(std::size_t first, std::span<const float> gradient);
  void mark_changed(std::size_t first, std::span<const float> gradient, shard_version becomes);
  void end_step();
  /// Counts the values from `first` on by tensor.
  void count(std::vector<std::uint64_t>& by_tensor, std::size_t first, std::size_t elements) const;
  void count_rows(std::vector<std::uint64_t>& by_tensor, const table_rows& rows) const;
  void count_push(const whole_push& push);
  bool publish_blocks(shard_version held, pull_reply& reply);
  void publish_coded(shard_version now, pull_reply& reply);

  parameter_options options_;
  std::string push_codec_ = "none";
  std::vector<tensor_range> kinds_; ///< tensors of one kind that lie together, as one
  shard_tables tables_;
  ops::tensor nothing_; ///< the snapshot of a shard that has tables alone
  class snapshot snapshot_;
  std::vector<shard_version> changed_; ///< when each block last changed
  ops::tensor coded_;                  ///< what the pull codec made of version coded_at_
  shard_version coded_at_;
  std::vector<std::uint64_t> pushed_, pulled_;
  std::vector<float> scratch_; ///< a decoded push, or the sum of a round
  std::vector<float> part_;    ///< a decoded frame of a round
  std::vector<float> compensated_;
  std::span<const float> then_; ///< what the worker of the push under way read; empty: unknown
  float clip_scale_ = 1;        ///< of the push under way
  std::uint64_t samples_applied_;
  std::uint64_t samples_summed_ = 0; ///< of the round
};

} // namespace lagrange::runtime
