/// \file
/// The numbers of a shard: its parameters, their optimizer, and how both travel. A part of the
/// shard's twin, which decides when a push goes in and when a pull is served; this does it.
#pragma once

#include "ops/optimizer.hpp"
#include "runtime/codec/codec.hpp"
#include "runtime/messages.hpp"
#include "runtime/snapshot.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// A whole push: its frames in the order of their elements; the last frame tells the rest.
using whole_push = std::vector<std::shared_ptr<const gradient_push>>;

/// Part of a shard's parameters that belongs to one tensor of the model.
struct tensor_range {
  std::uint32_t tensor = 0; ///< position among the model's parameters
  std::size_t first = 0;    ///< in the shard's parameters
  std::size_t elements = 0;
};

struct parameter_options {
  std::vector<float> values; ///< at first
  std::unique_ptr<ops::optimizer> optimizer;
  int threads = 1;                   ///< cores that a step of a large push may use
  std::uint64_t seed = 0;            ///< of the job, for a pull codec that draws
  std::unique_ptr<codec> push_codec; ///< null: pushes come as they are
  std::unique_ptr<codec> pull_codec; ///< null: parameters go as they are
  allocator memory;                  ///< for published parameters; null: ordinary memory
  /// Whether a worker that holds an older version gets only the blocks that changed, where that is
  /// less. Not on one host: there it reads the published copy without any being made.
  bool sends_changed_blocks = false;
  std::vector<tensor_range> tensors; ///< in order, together all parameters; empty: nobody asks
};

class shard_parameters {
public:
  /// Requires: an optimizer made for as many elements as there are values, and at least one value.
  explicit shard_parameters(parameter_options options);

  std::size_t size() const { return options_.values.size(); }
  /// Name of the codec in which pushes may come.
  const std::string& push_codec() const { return push_codec_; }

  /// Reads the bytes of a codec, if one wrote the push, so that nothing can go wrong when it is
  /// applied next. On an error nothing has changed. Errors: bad_frame.
  error decode(const whole_push& push);
  /// One step of the optimizer, from where the frames were received, or from what decode() read.
  void apply(const whole_push& push, float scale, shard_version becomes);

  /// A round: one step with the sum of several pushes, in the order in which they are added.
  void begin_sum();
  void add(const whole_push& push, float weight);
  void apply_sum(shard_version becomes);

  /// Values that came and went, by tensor of the model.
  const std::vector<std::uint64_t>& values_pushed() const { return pushed_; }
  const std::vector<std::uint64_t>& values_pulled() const { return pulled_; }

  /// The parameters, immutable. Cost: a copy, if this version is asked for the first time.
  const ops::tensor& snapshot(shard_version now);
  /// Fills in the parameters of a reply to one who holds version `held` of this life, or nothing.
  void publish(shard_version now, std::optional<shard_version> held, pull_reply& reply);

private:
  void step_part(std::size_t first, std::span<const float> gradient, float scale,
                 shard_version becomes);
  /// Counts the values from `first` on by tensor.
  void count(std::vector<std::uint64_t>& by_tensor, std::size_t first, std::size_t elements) const;
  void count_push(const whole_push& push);
  bool publish_blocks(shard_version held, pull_reply& reply);
  void publish_coded(shard_version now, pull_reply& reply);

  parameter_options options_;
  std::string push_codec_ = "none";
  class snapshot snapshot_;
  std::vector<shard_version> changed_; ///< when each block last changed
  ops::tensor coded_;                  ///< what the pull codec made of version coded_at_
  shard_version coded_at_;
  std::vector<std::uint64_t> pushed_, pulled_;
  std::vector<float> scratch_; ///< a decoded push, or the sum of a round
  std::vector<float> part_;    ///< a decoded frame of a round
};

} // namespace lagrange::runtime
