#include "ops/cuda/caching_allocator.hpp"

#include <algorithm>
#include <bit>

namespace lagrange::ops::cuda {

std::size_t size_class(std::size_t size_bytes) {
  constexpr std::size_t smallest = 512;
  const std::size_t wanted = std::max(size_bytes, std::size_t{1});
  const std::size_t step = std::max(smallest, std::bit_floor(wanted - 1) / 8);
  const std::size_t steps = (wanted - 1) / step + 1;
  // Nobody has what cannot be rounded; asked for as it is, it is refused.
  return steps > SIZE_MAX / step ? size_bytes : steps * step;
}

caching_allocator::caching_allocator(device_memory& device, std::size_t held_bytes_max)
    : device_(device), held_bytes_max_(held_bytes_max) {}

caching_allocator::~caching_allocator() {
  for (auto& [memory, each] : blocks_) {
    for (const auto mark : each.marks) device_.forget(mark);
    device_.give_back(memory);
  }
}

void* caching_allocator::allocate(const void* stream, std::size_t size_bytes) {
  const auto wanted = size_class(size_bytes);
  if (const auto list = kept_.find({stream, wanted}); list != kept_.end()) {
    auto& blocks = list->second;
    // The last released is the likeliest to be in the device's cache.
    const auto found = std::find_if(blocks.rbegin(), blocks.rend(),
                                    [this](block* kept) { return is_free(*kept); });
    if (found != blocks.rend()) {
      block& taken = **found;
      blocks.erase(std::next(found).base());
      taken.is_used = true;
      use_.used_bytes += wanted;
      return taken.memory;
    }
  }
  if (wanted > held_bytes_max_ - use_.held_bytes) give_back_kept();
  if (wanted > held_bytes_max_ - use_.held_bytes) return nullptr;
  void* memory = device_.obtain(wanted);
  if (memory == nullptr && use_.held_bytes > use_.used_bytes) {
    give_back_kept();
    memory = device_.obtain(wanted);
  }
  if (memory == nullptr) return nullptr;
  block& made = blocks_[memory];
  made.memory = memory;
  made.size_bytes = wanted;
  made.stream = stream;
  made.is_used = true;
  use_.used_bytes += wanted;
  use_.held_bytes += wanted;
  use_.held_bytes_max = std::max(use_.held_bytes_max, use_.held_bytes);
  return memory;
}

bool caching_allocator::share(const void* stream, void* memory) {
  block* found = find_used(memory);
  if (found == nullptr) return false;
  if (stream != found->stream && std::ranges::count(found->shared_with, stream) == 0)
    found->shared_with.push_back(stream);
  return true;
}

bool caching_allocator::release(void* memory) {
  block* found = find_used(memory);
  if (found == nullptr) return false;
  found->is_used = false;
  use_.used_bytes -= found->size_bytes;
  for (const void* stream : found->shared_with) found->marks.push_back(device_.mark(stream));
  found->shared_with.clear();
  if (found->stream == nullptr)
    give_back(*found);
  else
    kept_[{found->stream, found->size_bytes}].push_back(found);
  return true;
}

void caching_allocator::give_back_kept() {
  give_back_where([](const block&) { return true; });
}

void caching_allocator::close_stream(const void* stream) {
  give_back_where([&](const block& kept) { return kept.stream == stream; });
  for (auto& [memory, each] : blocks_) {
    if (each.stream == stream) each.stream = nullptr;
    std::erase(each.shared_with, stream); // it has waited for its work
  }
}

caching_allocator::block* caching_allocator::find_used(void* memory) {
  const auto found = blocks_.find(memory);
  return found == blocks_.end() || !found->second.is_used ? nullptr : &found->second;
}

bool caching_allocator::is_free(block& kept) {
  std::erase_if(kept.marks, [this](std::uint64_t mark) { return device_.is_past(mark); });
  return kept.marks.empty();
}

void caching_allocator::give_back(block& kept) {
  for (const auto mark : kept.marks) device_.forget(mark);
  use_.held_bytes -= kept.size_bytes;
  device_.give_back(kept.memory);
  blocks_.erase(kept.memory);
}

template <class Claim>
void caching_allocator::give_back_where(Claim claim) {
  for (auto& [of, list] : kept_)
    std::erase_if(list, [&](block* kept) {
      if (!claim(*kept)) return false;
      give_back(*kept);
      return true;
    });
}

} // namespace lagrange::ops::cuda
