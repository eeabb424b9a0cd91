/// \file
/// Images changed at random as they are dealt, so that a network never sees one twice alike. What
/// is drawn depends on the job's seed, the epoch and the sample alone: a lease that is dealt again,
/// to whomever, holds the same images.
#pragma once

#include "runtime/messages.hpp"

#include <span>

namespace lagrange::runtime {

enum class augmentation : std::uint8_t { none = 0, flip_crop };

struct augmentation_draw {
  augmentation kind = augmentation::none;
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
};

/// Changes images in place. Flip-crop: half of them are mirrored left to right, and all are moved
/// by up to an eighth of their sides, zeros following.
/// Shapes: images.inputs [B, H, W, C] u8 or f32; samples [B], the numbers of the images.
/// Paper: Krizhevsky et al. 2012.
void augment(batch& images, std::span<const std::uint32_t> samples, const augmentation_draw& draw);

} // namespace lagrange::runtime
