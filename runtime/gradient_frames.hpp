/// \file
/// How the gradient of a step is cut into the frames of its pushes, and when each is whole: the
/// gradient of the last layer is final first, so frames are numbered from a shard's last elements
/// to its first ones, and most can leave while the layers before are still being computed.
///
/// Paper: Zhang et al.: Poseidon (USENIX ATC 2017; communication as soon as a layer is done).
#pragma once

#include "runtime/partition.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lagrange::runtime {

/// Elements of a shard that travel in one frame.
struct gradient_frame {
  shard_id shard;
  std::uint32_t number = 0; ///< among the frames of this shard; the last one closes the push
  std::uint32_t frames = 1; ///< of this shard
  std::size_t first = 0;    ///< in the shard's parameters
  std::size_t elements = 0;
};

/// Elements of one frame, as many as fill 1 MiB.
constexpr std::size_t frame_elements_max = 256 * 1024;

class gradient_frames {
public:
  /// `length` elements a frame, fewer in the closing one's neighbour at the end of the shard.
  /// Requires: a partition of these parameters, length > 0.
  gradient_frames(const partition& parts, std::span<const ops::parameter_spec> specs,
                  std::size_t length = frame_elements_max);

  /// Shard by shard, each in the order of its numbers.
  std::span<const gradient_frame> all() const { return frames_; }
  std::uint32_t shards() const { return static_cast<std::uint32_t>(sizes_.size()); }
  /// Units: elements.
  std::size_t elements_of(shard_id owner) const { return sizes_[owner.value]; }

  /// A new step: nothing is final.
  void begin();
  /// The gradient of the parameter at `tensor` is final. Positions in all() of the frames that this
  /// makes whole; valid until the next call.
  std::span<const std::size_t> on_final(std::size_t tensor);
  /// Copies a frame's elements together. Shapes: flat [N] -> values [frame.elements].
  void gather(std::size_t frame, std::span<const float> flat, std::span<float> values) const;

private:
  /// A run of elements, in the flat vector and in its frame.
  struct piece {
    std::size_t flat, place, elements;
  };

  std::vector<gradient_frame> frames_;
  std::vector<std::vector<piece>> pieces_;      ///< by frame
  std::vector<std::vector<std::size_t>> reach_; ///< by parameter: the frames it is part of
  std::vector<std::size_t> tensors_;            ///< by frame: of how many parameters it is made
  std::vector<std::size_t> waiting_;            ///< by frame: parameters that are not final
  std::vector<std::size_t> whole_;
  std::vector<std::size_t> sizes_; ///< by shard
};

} // namespace lagrange::runtime
