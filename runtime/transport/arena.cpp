#include "runtime/transport/arena.hpp"

namespace lagrange::runtime::transport {

namespace {

std::uint64_t padded(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

} // namespace

struct arena::lease {
  std::shared_ptr<arena> from;
  std::uint64_t offset, bytes;
  lease(std::shared_ptr<arena> whose, std::uint64_t where, std::uint64_t count)
      : from(std::move(whose)), offset(where), bytes(count) {}
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;
  ~lease() {
    const std::lock_guard lock(from->mutex_);
    from->free_.give(offset, bytes);
  }
};

arena::arena(std::uint64_t bytes)
    : file_(make_memory_file("lagrange-arena", bytes)), memory_(file_, 0, bytes, access::write),
      free_(bytes) {
  seal_for_readers(file_);
}

std::optional<ops::tensor> arena::allocate(std::size_t bytes) {
  std::optional<std::uint64_t> offset;
  {
    const std::lock_guard lock(mutex_);
    offset = free_.take(bytes);
  }
  if (!offset) return std::nullopt;
  auto memory = std::make_shared<ops::buffer>(
      memory_.data() + *offset, bytes, std::make_shared<lease>(shared_from_this(), *offset, bytes));
  return ops::tensor(ops::dtype::u8, {static_cast<std::int64_t>(bytes)}, std::move(memory));
}

std::optional<std::uint64_t> arena::offset_of(const ops::tensor& x) const {
  const auto first = reinterpret_cast<std::uintptr_t>(x.bytes());
  const auto begin = reinterpret_cast<std::uintptr_t>(memory_.data());
  if (first < begin || first - begin >= memory_.bytes() || first % 8 != 0) return std::nullopt;
  const auto offset = first - begin;
  if (padded(x.size_bytes()) > memory_.bytes() - offset) return std::nullopt;
  return offset;
}

} // namespace lagrange::runtime::transport
