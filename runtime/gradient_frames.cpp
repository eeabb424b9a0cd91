#include "runtime/gradient_frames.hpp"

#include <algorithm>

namespace lagrange::runtime {

gradient_frames::gradient_frames(const partition& parts, std::span<const ops::parameter_spec> specs,
                                 std::size_t length) {
  LAGRANGE_EXPECT(length > 0, "frames of no elements");
  reach_.resize(specs.size());
  for (std::uint32_t shard = 0; shard < parts.shards(); ++shard) {
    const auto size = static_cast<std::size_t>(parts.elements_of({shard}));
    const auto begin = frames_.size();
    const auto count = (size + length - 1) / length;
    for (std::size_t number = 0; number < count; ++number) {
      const auto first = (count - 1 - number) * length;
      frames_.push_back({{shard},
                         static_cast<std::uint32_t>(number),
                         static_cast<std::uint32_t>(count),
                         first,
                         std::min(length, size - first)});
    }
    pieces_.resize(frames_.size());
    for (const auto& own : parts.blocks_of({shard})) {
      const auto place = static_cast<std::size_t>(own.place);
      const auto end = place + static_cast<std::size_t>(own.elements);
      for (auto at = place; at < end;) {
        const auto frame = begin + (count - 1 - at / length);
        const auto until = std::min(end, frames_[frame].first + frames_[frame].elements);
        pieces_[frame].push_back({static_cast<std::size_t>(own.flat) + (at - place),
                                  at - frames_[frame].first, until - at});
        auto& reached = reach_[own.tensor];
        if (std::ranges::find(reached, frame) == reached.end()) reached.push_back(frame);
        at = until;
      }
    }
    sizes_.push_back(size);
  }
  tensors_.resize(frames_.size());
  for (const auto& reached : reach_)
    for (const auto frame : reached) ++tensors_[frame];
  whole_.reserve(frames_.size());
}

void gradient_frames::begin() { waiting_ = tensors_; }

std::span<const std::size_t> gradient_frames::on_final(std::size_t tensor) {
  LAGRANGE_EXPECT(tensor < reach_.size() && waiting_.size() == frames_.size(),
                  "the gradient of parameter " + std::to_string(tensor));
  whole_.clear();
  for (const auto frame : reach_[tensor])
    if (waiting_[frame] > 0 && --waiting_[frame] == 0) whole_.push_back(frame);
  return whole_;
}

void gradient_frames::gather(std::size_t frame, std::span<const float> flat,
                             std::span<float> values) const {
  LAGRANGE_EXPECT(values.size() == frames_[frame].elements, "a frame of another size");
  for (const auto& part : pieces_[frame])
    std::copy_n(flat.data() + part.flat, part.elements, values.data() + part.place);
}

} // namespace lagrange::runtime
