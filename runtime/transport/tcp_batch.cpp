#include "runtime/transport/tcp_batch.hpp"

#include "runtime/wire_checksum.hpp"

#include <algorithm>
#include <cstring>

namespace lagrange::runtime::transport {

namespace {

// Below this, copying costs less than one more entry in the kernel's list.
constexpr std::size_t copied_bytes_max = 512;

record record_of(const outgoing& item) {
  record made;
  made.type = record_type::frame;
  made.first = item.what.first;
  made.kind = item.what.kind;
  made.packed = item.packed ? 1 : 0;
  made.payloads = static_cast<std::uint8_t>(item.what.payloads.size());
  made.head_words = static_cast<std::uint32_t>(item.what.head.size());
  made.total = item.total_bytes();
  for (std::size_t i = 0; i < item.what.payloads.size(); ++i)
    made.sizes[i] = static_cast<std::uint32_t>(item.what.payloads[i].size_bytes());
  return made;
}

std::uint32_t extend(std::uint32_t crc, std::span<const std::byte> bytes) {
  return crc32c({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, crc);
}

enum class piece_of : std::uint8_t { head = 0, payloads };

/// The pieces of memory that `count` bytes of a frame from `from` on lie in, in order.
template <class Use>
void for_pieces(const outgoing& item, std::uint64_t from, std::uint64_t count, Use use) {
  auto visit = [&](piece_of what, const void* data, std::uint64_t size) {
    const auto skipped = std::min(from, size);
    const auto taken = std::min(size - skipped, count);
    from -= skipped;
    count -= taken;
    if (taken > 0) use(what, std::span(static_cast<const std::byte*>(data) + skipped, taken));
  };
  visit(piece_of::head, item.what.head.data(), item.head_bytes());
  if (item.packed) return visit(piece_of::payloads, item.packed.data(), item.packed_bytes);
  for (const auto& each : item.what.payloads)
    visit(piece_of::payloads, each.bytes(), each.size_bytes());
}

} // namespace

tcp_batch::tcp_batch(checksums of) : checksums_(of), laid_(laid_bytes) {
  parts_.reserve(parts_max);
  owned_.reserve(parts_max);
}

void tcp_batch::add(const record& x) {
  parts_.push_back({x, nullptr, 0});
  bytes_ += record_bytes;
}

void tcp_batch::add_part(outgoing& of, std::uint64_t bytes) {
  auto begin = record_of(of);
  if (of.gone > 0) {
    begin = {};
    begin.type = record_type::more;
    begin.first = of.what.first;
  }
  begin.bytes = static_cast<std::uint32_t>(bytes);
  parts_.push_back({begin, &of, of.gone});
  of.gone += bytes;
  bytes_ += record_bytes + bytes;
}

void tcp_batch::add_chunk(outgoing& of) { add_part(of, limits::chunk_bytes_max); }

void tcp_batch::add_last(std::unique_ptr<outgoing> of) {
  add_part(*of, of->left_bytes());
  owned_.push_back(std::move(of));
}

void tcp_batch::seal() {
  for (auto& each : parts_) lay(each);
  is_sealed_ = true;
}

std::byte* tcp_batch::lay_down(const void* bytes, std::size_t count) {
  auto* place = laid_.data() + laid_used_;
  std::memcpy(place, bytes, count);
  laid_used_ += count;
  if (!pieces_.empty() &&
      static_cast<std::byte*>(pieces_.back().iov_base) + pieces_.back().iov_len == place)
    pieces_.back().iov_len += count;
  else
    pieces_.push_back({place, count});
  return place;
}

void tcp_batch::lay_bytes(std::span<const std::byte> bytes) {
  // Room for the records of all parts is never given away.
  if (bytes.size() <= copied_bytes_max &&
      laid_used_ + bytes.size() + parts_max * record_bytes <= laid_.size())
    lay_down(bytes.data(), bytes.size());
  else // the kernel only reads it
    pieces_.push_back({const_cast<std::byte*>(bytes.data()), bytes.size()});
}

void tcp_batch::lay(part& x) {
  auto* place = lay_down(&x.begin, record_bytes);
  if (x.item != nullptr)
    for_pieces(*x.item, x.from, x.begin.bytes, [&](auto what, std::span<const std::byte> bytes) {
      if (what == piece_of::head || checksums_ == checksums::heads_and_payloads)
        x.begin.bytes_crc = extend(x.begin.bytes_crc, bytes);
      lay_bytes(bytes);
    });
  transport::seal(x.begin);
  std::memcpy(place, &x.begin, record_bytes);
}

void tcp_batch::advance(std::size_t bytes) {
  for (; bytes > 0; ++written_) {
    auto& piece = pieces_[written_];
    const auto taken = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<std::byte*>(piece.iov_base) + taken;
    piece.iov_len -= taken;
    bytes -= taken;
    if (piece.iov_len > 0) return;
  }
}

void tcp_batch::clear() {
  parts_.clear();
  owned_.clear();
  pieces_.clear();
  laid_used_ = written_ = bytes_ = 0;
  is_sealed_ = false;
}

} // namespace lagrange::runtime::transport
