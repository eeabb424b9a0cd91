#include "runtime/data/augment.hpp"

#include "ops/random.hpp"

#include <algorithm>
#include <vector>

namespace lagrange::runtime {

namespace {

struct image_extents {
  std::int64_t height, width, channels;
  std::int64_t elements() const { return height * width * channels; }
};

/// How one image is changed.
struct change {
  bool is_mirrored;
  std::int64_t down, right; ///< pixels
};

/// Uniform in -side/8 .. side/8, from 16 bits.
std::int64_t draw_move(std::uint64_t bits, std::int64_t side) {
  const auto most = side / 8;
  return static_cast<std::int64_t>((bits & 0xffff) * static_cast<std::uint64_t>(2 * most + 1) >>
                                   16) -
         most;
}

change draw_change(std::uint64_t bits, const image_extents& extents) {
  return {(bits >> 32 & 1) != 0, draw_move(bits, extents.height),
          draw_move(bits >> 16, extents.width)};
}

template <class Element>
void apply(const change& how, const image_extents& extents, std::span<const Element> from,
           std::span<Element> to) {
  std::ranges::fill(to, Element{});
  const auto& [height, width, channels] = extents;
  const auto first = std::max<std::int64_t>(0, how.down);
  const auto last = std::min(height, height + how.down);
  const auto left = std::max<std::int64_t>(0, how.right);
  const auto right = std::min(width, width + how.right);
  for (auto y = first; y < last; ++y)
    for (auto x = left; x < right; ++x) {
      const auto column = how.is_mirrored ? width - 1 - (x - how.right) : x - how.right;
      const auto* pixel = from.data() + ((y - how.down) * width + column) * channels;
      std::copy_n(pixel, channels, to.data() + (y * width + x) * channels);
    }
}

template <class Element>
void change_all(batch& images, std::span<const std::uint32_t> samples,
                const augmentation_draw& draw) {
  constexpr std::uint64_t stream = std::uint64_t{0x617567} << 32; // "aug": no other draws from it
  const ops::random_sequence random(draw.seed, stream | draw.epoch);
  const auto& shape = images.inputs.extents();
  const image_extents extents{shape[1], shape[2], shape[3]};
  const auto each = static_cast<std::size_t>(extents.elements());
  std::vector<Element> before(each);
  auto all = images.inputs.values<Element>();
  for (const auto sample : samples) {
    const auto image = all.first(each);
    std::ranges::copy(image, before.begin());
    apply<Element>(draw_change(random.bits(sample), extents), extents, before, image);
    all = all.subspan(each);
  }
}

} // namespace

void augment(batch& images, std::span<const std::uint32_t> samples, const augmentation_draw& draw) {
  if (draw.kind == augmentation::none) return;
  const auto& extents = images.inputs.extents();
  LAGRANGE_EXPECT(extents.rank() == 4 && extents[0] == std::ssize(samples),
                  ops::to_string(extents) + " are no images of " + std::to_string(samples.size()) +
                      " samples");
  if (images.inputs.type() == ops::dtype::u8)
    change_all<std::uint8_t>(images, samples, draw);
  else
    change_all<float>(images, samples, draw);
}

} // namespace lagrange::runtime
