/// \file
/// Memory as a worker's residual has it: zeroed, aligned to a page, shared with child processes.
#pragma once

#include <catch2/catch.hpp>

#include <cstddef>
#include <span>
#include <sys/mman.h>

namespace lagrange::tests {

class fresh_memory {
public:
  explicit fresh_memory(std::size_t size) : size_(size) {
    at_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at_ != MAP_FAILED);
  }
  fresh_memory(const fresh_memory&) = delete;
  ~fresh_memory() { munmap(at_, size_); }
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(at_), size_}; }

private:
  void* at_;
  std::size_t size_;
};

} // namespace lagrange::tests
