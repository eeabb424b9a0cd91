#include "runtime/transport/block_pool.hpp"

#include "ops/contract.hpp"
#include "runtime/transport/size_class.hpp"

#include <sys/mman.h>

#include <new>
#include <string>

namespace lagrange::runtime::transport {

namespace {

constexpr std::size_t least_bytes = 64;
constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

std::align_val_t alignment_of(std::size_t bytes) {
  if (bytes >= huge_page_bytes) return std::align_val_t{huge_page_bytes};
  return std::align_val_t{bytes >= 4096 ? 4096 : least_bytes};
}

std::byte* allocate(std::size_t bytes) {
  void* memory = ::operator new(bytes, alignment_of(bytes), std::nothrow);
  if (memory == nullptr)
    throw ops::device_error("out of memory: no " + std::to_string(bytes) +
                            " bytes for a frame from a peer");
  if (bytes >= huge_page_bytes) ::madvise(memory, bytes, MADV_HUGEPAGE); // refused: small pages do
  return static_cast<std::byte*>(memory);
}

void free(std::byte* data, std::size_t bytes) { ::operator delete(data, alignment_of(bytes)); }

// Whole huge pages for large blocks; the classes of size_class() below.
std::size_t rounded(std::size_t bytes) {
  if (bytes > huge_page_bytes)
    return (bytes + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
  const auto size = size_class(bytes, least_bytes);
  return (size + least_bytes - 1) / least_bytes * least_bytes;
}

} // namespace

block::~block() {
  if (data_ != nullptr) from_->give(data_, bytes_);
}

block_pool::~block_pool() {
  for (const auto& [bytes, blocks] : kept_)
    for (auto* each : blocks) free(each, bytes);
}

block block_pool::take(std::size_t bytes) {
  block made;
  made.bytes_ = rounded(bytes);
  made.from_ = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    if (auto& same = kept_[made.bytes_]; !same.empty()) {
      made.data_ = same.back();
      same.pop_back();
      kept_bytes_ -= made.bytes_;
      return made;
    }
  }
  made.data_ = allocate(made.bytes_);
  return made;
}

void block_pool::give(std::byte* data, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ + bytes <= kept_bytes_max_) {
      kept_[bytes].push_back(data);
      kept_bytes_ += bytes;
      return;
    }
  }
  free(data, bytes);
}

} // namespace lagrange::runtime::transport
