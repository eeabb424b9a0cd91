#include "bench/wire/bare.hpp"

#include "ops/contract.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>

namespace lagrange::bench {

namespace {

// Both found by trying: pieces from 16 to 128 KiB and rings from 256 KiB to 4 MiB differ by a
// tenth.
constexpr std::uint64_t piece_bytes = 64 << 10;
constexpr std::size_t read_bytes = 64 << 10;
constexpr std::size_t write_bytes = 1 << 20;
constexpr std::align_val_t huge_page{2 << 20};

/// Waits without sleeping, but not for a process that is gone.
class spinning {
public:
  void operator()() {
    constexpr std::uint64_t looks = 1 << 20;
    constexpr std::chrono::seconds patience{20};
    __builtin_ia32_pause();
    if (++count_ % looks != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (count_ == looks) start_ = now;
    if (now - start_ > patience)
      throw ops::device_error("the other process of the benchmark does nothing");
  }

private:
  std::uint64_t count_ = 0;
  std::chrono::steady_clock::time_point start_;
};

void wait_for(const std::atomic<std::uint64_t>& number, std::uint64_t value) {
  for (spinning relax; number.load(std::memory_order_acquire) < value;) relax();
}

// ---- shared memory ------------------------------------------------------------------------------

/// The part of the ring from a cursor on that has no gap and is no more than a piece.
std::uint64_t piece(std::uint64_t cursor, std::uint64_t wanted) {
  return std::min({wanted, piece_bytes, bare_ring::bytes - cursor % bare_ring::bytes});
}

// As many bytes as go now, without waiting.
std::size_t put(bare_ring& ring, std::span<const std::byte> message) {
  const auto at = ring.written.load(std::memory_order_relaxed);
  const auto count = piece(at, message.size());
  if (at + count - ring.read.load(std::memory_order_acquire) > bare_ring::bytes) return 0;
  std::memcpy(ring.room + at % bare_ring::bytes, message.data(), count);
  ring.written.store(at + count, std::memory_order_release);
  return count;
}

std::size_t take(bare_ring& ring, std::span<std::byte> message) {
  const auto at = ring.read.load(std::memory_order_relaxed);
  const auto filled = ring.written.load(std::memory_order_acquire) - at;
  const auto count = piece(at, std::min<std::uint64_t>(filled, message.size()));
  std::memcpy(message.data(), ring.room + at % bare_ring::bytes, count);
  if (count > 0) ring.read.store(at + count, std::memory_order_release);
  return count;
}

// ---- TCP ----------------------------------------------------------------------------------------

std::size_t moved(ssize_t bytes) {
  if (bytes > 0) return static_cast<std::size_t>(bytes);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  throw ops::device_error("the bare TCP connection broke");
}

std::size_t put(int tcp, std::span<const std::byte> message) {
  return moved(::send(tcp, message.data(), std::min(message.size(), write_bytes), MSG_NOSIGNAL));
}

std::size_t take(int tcp, std::span<std::byte> message) {
  return moved(::recv(tcp, message.data(), std::min(message.size(), read_bytes), 0));
}

// ---- windows ------------------------------------------------------------------------------------

/// Messages that go out and come in at the same time. Nothing tells one message from the next, so
/// small ones are read together.
template <class Out, class In>
void transfer(Out&& out, In&& in, const bare_memory& memory, std::uint64_t bytes,
              std::uint64_t out_count, std::uint64_t in_count) {
  const auto source = memory.source.bytes().first(bytes);
  const auto target = memory.target.bytes().first(std::max(bytes, piece_bytes));
  const auto out_bytes = out_count * bytes, in_bytes = in_count * bytes;
  std::uint64_t gone = 0, come = 0;
  spinning relax;
  while (gone < out_bytes || come < in_bytes) {
    std::size_t count = 0;
    if (gone < out_bytes) gone += count += put(out, source.subspan(gone % bytes));
    if (come < in_bytes) {
      const auto room = target.subspan(come % target.size());
      const auto came = take(in, room.first(std::min<std::uint64_t>(room.size(), in_bytes - come)));
      come += came;
      count += came;
    }
    if (count == 0) relax();
  }
}

template <class Out, class In>
void stream(Out&& out, In&& in, const bare_memory& memory, const order& what, bool is_near) {
  const auto there = what.goes == direction::pull ? 0 : what.count;
  const auto back = what.goes == direction::push ? 0 : what.count;
  if (what.goes != direction::exchange)
    return transfer(out, in, memory, what.bytes, is_near ? there : back, is_near ? back : there);
  for (std::uint64_t i = 0; i < what.count; ++i) {
    transfer(out, in, memory, what.bytes, is_near ? 1 : 0, is_near ? 0 : 1);
    transfer(out, in, memory, what.bytes, is_near ? 0 : 1, is_near ? 1 : 0);
  }
}

void stream(const pair_end& with, const bare_memory& memory, const order& what, bool is_near) {
  auto& shared = with.shared();
  if (what.way == bare_way::tcp)
    stream(with.tcp(), with.tcp(), memory, what, is_near);
  else
    stream(is_near ? shared.down : shared.up, is_near ? shared.up : shared.down, memory, what,
           is_near);
}

} // namespace

own_memory::own_memory(std::size_t bytes)
    : data_(static_cast<std::byte*>(::operator new(bytes, huge_page))), bytes_(bytes) {
  ::madvise(data_.get(), bytes, MADV_HUGEPAGE); // refused: small pages do
  std::ranges::fill(values(), 0.5F);
}

void own_memory::release::operator()(std::byte* data) const { ::operator delete(data, huge_page); }

double run_bare(const process_pair& with, const bare_memory& memory, order what) {
  auto& shared = with.end().shared();
  what.kind = order_kind::bare;
  what.sequence = shared.finished.load() + 1;
  with.tell(what);
  wait_for(shared.ready, what.sequence); // its wake-up is nobody's time
  const auto start = std::chrono::steady_clock::now();
  stream(with.end(), memory, what, true);
  wait_for(shared.finished, what.sequence);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void answer_bare(const pair_end& with, const bare_memory& memory, const order& what) {
  with.shared().ready.store(what.sequence);
  stream(with, memory, what, false);
  with.shared().finished.store(what.sequence);
}

} // namespace lagrange::bench
