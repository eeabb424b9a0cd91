#include "runtime/transport/shaped_frames.hpp"

namespace lagrange::runtime::transport {

void shaped_frames::on_frame(link_id from, frame what) {
  const auto bytes = what.wire_bytes;
  put(from, std::move(what), bytes);
}

void shaped_frames::put(link_id link, frame what, std::uint64_t bytes) {
  const auto first = what.first;
  links_.try_emplace(link, shape_)
      .first->second.put(std::move(what), first, bytes, std::chrono::steady_clock::now());
}

std::optional<shaped_frames::entry> shaped_frames::take(time_point now) {
  for (auto& [link, line] : links_)
    if (auto what = line.take(now)) return entry{link, std::move(*what)};
  return std::nullopt;
}

std::optional<frame> shaped_frames::take_of(link_id link) {
  const auto found = links_.find(link);
  return found == links_.end() ? std::nullopt : found->second.take(time_point::max());
}

std::optional<shaped_frames::time_point> shaped_frames::next() const {
  std::optional<time_point> soonest;
  for (const auto& [link, line] : links_)
    if (const auto due = line.next()) soonest = std::min(soonest.value_or(*due), *due);
  return soonest;
}

} // namespace lagrange::runtime::transport
