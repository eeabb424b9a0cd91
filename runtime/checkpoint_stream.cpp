#include "runtime/checkpoint_stream.hpp"

#include "ops/contract.hpp"
#include "schema/shard_state.capnp.h"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace lagrange::runtime {

namespace {

constexpr std::string_view magic("LGRPART\0", 8), end_magic("LGREND\0\0", 8);
constexpr std::uint32_t version = schema::PART_VERSION;
constexpr std::size_t head_bytes = 16, tail_bytes = 48;
constexpr std::size_t version_at = 8, zero_at = 12;                    // in the head
constexpr std::size_t length_at = 0, digest_at = 8, end_magic_at = 40; // in the tail
/// Of what is read, hashed and unpacked at a time.
constexpr std::size_t piece_bytes = std::size_t{1} << 20;
/// Level 1 uses far less; a reader takes no more, whatever the bytes say.
constexpr int window_log_max = 23;

template <class Number>
void store(std::span<std::byte> to, std::size_t offset, Number value) {
  boost::endian::native_to_little_inplace(value);
  std::memcpy(to.data() + offset, &value, sizeof(value));
}
template <class Number>
Number load(std::span<const std::byte> from, std::size_t offset) {
  Number value;
  std::memcpy(&value, from.data() + offset, sizeof(value));
  return boost::endian::little_to_native(value);
}
bool has_text(std::span<const std::byte> in, std::size_t offset, std::string_view text) {
  return std::memcmp(in.data() + offset, text.data(), text.size()) == 0;
}

template <class Work>
result<void> each_piece(const readable_file& file, std::uint64_t end, const Work& work) {
  std::vector<std::byte> room(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end)));
  for (std::uint64_t first = 0; first < end;) {
    const auto piece = std::span(room).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(end - first, room.size())));
    BOOST_OUTCOME_TRY(file.read(first, piece));
    work(piece);
    first += piece.size();
  }
  return success();
}

} // namespace

// ---- writing ------------------------------------------------------------------------------------

struct part_writer::packer {
  packer() {
    if (context == nullptr) throw ops::device_error("out of memory: none for zstd");
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, part_compression_level);
  }
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context{ZSTD_createCCtx(), &ZSTD_freeCCtx};
  std::vector<std::byte> room = std::vector<std::byte>(ZSTD_CStreamOutSize());
};

part_writer::part_writer(const byte_sink& to) : to_(to), packer_(std::make_unique<packer>()) {}
part_writer::~part_writer() = default;

result<void> part_writer::put(std::span<const std::byte> bytes) {
  digest_.add(bytes);
  bytes_ += bytes.size();
  return to_(bytes);
}

result<void> part_writer::pack(std::span<const std::byte> body, bool is_end) {
  if (!std::exchange(has_head_, true)) {
    std::array<std::byte, head_bytes> head{};
    std::memcpy(head.data(), magic.data(), magic.size());
    store(head, version_at, version);
    BOOST_OUTCOME_TRY(put(head));
  }
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  for (bool is_done = false; !is_done;) {
    ZSTD_outBuffer out{packer_->room.data(), packer_->room.size(), 0};
    const auto left = ZSTD_compressStream2(packer_->context.get(), &out, &in,
                                           is_end ? ZSTD_e_end : ZSTD_e_continue);
    LAGRANGE_EXPECT(!ZSTD_isError(left), std::string("zstd: ") + ZSTD_getErrorName(left));
    if (out.pos > 0) {
      BOOST_OUTCOME_TRY(put(std::span(packer_->room).first(out.pos)));
    }
    is_done = is_end ? left == 0 : in.pos == in.size;
  }
  return success();
}

result<void> part_writer::add(std::span<const std::byte> body) { return pack(body, false); }

result<file_facts> part_writer::end() {
  BOOST_OUTCOME_TRY(pack({}, true));
  std::array<std::byte, tail_bytes> tail{};
  store<std::uint64_t>(tail, length_at, bytes_ + tail_bytes);
  std::ranges::copy(digest_.digest(), tail.begin() + digest_at);
  std::memcpy(tail.data() + end_magic_at, end_magic.data(), end_magic.size());
  BOOST_OUTCOME_TRY(put(tail));
  return file_facts{bytes_, digest_.digest()};
}

// ---- reading ------------------------------------------------------------------------------------

struct part_reader::unpacker {
  unpacker() {
    if (context == nullptr) throw ops::device_error("out of memory: none for zstd");
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);
  }
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context{ZSTD_createDCtx(), &ZSTD_freeDCtx};
  std::vector<std::byte> room = std::vector<std::byte>(ZSTD_DStreamInSize());
  ZSTD_inBuffer in{};
  bool is_ended = false; ///< the frame is
};

part_reader::part_reader(const readable_file& from, std::string place)
    : from_(from), place_(std::move(place)), unpacker_(std::make_unique<unpacker>()) {}
part_reader::~part_reader() = default;

error part_reader::damage(const std::string& found) const {
  return {
      errc::bad_file,
      fmt::format("{} is damaged: {}; take an older checkpoint, or copy it again", place_, found)};
}

result<std::unique_ptr<part_reader>> part_reader::open(const readable_file& from,
                                                       std::string place) {
  std::unique_ptr<part_reader> made(new part_reader(from, std::move(place)));
  BOOST_OUTCOME_TRY(made->check());
  return made;
}

result<void> part_reader::check() {
  const auto size = from_.size();
  std::array<std::byte, head_bytes> head{};
  if (size >= head_bytes) {
    BOOST_OUTCOME_TRY(from_.read(0, head));
  }
  if (size < head_bytes || !has_text(head, 0, magic))
    return failure(errc::bad_file,
                   fmt::format("{} is no part of a checkpoint: it does not start with \"LGRPART\"; "
                               "name a file that lagrange wrote",
                               place_));
  if (const auto found = load<std::uint32_t>(head, version_at); found != version)
    return failure(errc::bad_file,
                   fmt::format("{} has format version {}, this program reads version {}; use the "
                               "program that wrote it",
                               place_, found, version));
  std::array<std::byte, tail_bytes> tail{};
  if (size >= head_bytes + tail_bytes) {
    BOOST_OUTCOME_TRY(from_.read(size - tail_bytes, tail));
  }
  if (!has_text(tail, end_magic_at, end_magic))
    return damage(fmt::format("it has {} bytes, and its end is missing", size));
  if (const auto length = load<std::uint64_t>(tail, length_at); length != size)
    return damage(fmt::format("its end says {} bytes, but it has {}", length, size));
  at_ = head_bytes;
  end_ = size - tail_bytes;
  sha256_stream digest;
  BOOST_OUTCOME_TRY(each_piece(from_, end_, [&](auto piece) { digest.add(piece); }));
  if (!std::ranges::equal(digest.digest(),
                          std::span(tail).subspan(digest_at, digest.digest().size())))
    return damage("its SHA-256 does not match its content");
  if (load<std::uint32_t>(head, zero_at) != 0)
    return damage("its head has other than zeros where zeros are due");
  return success();
}

result<bool> part_reader::fetch() {
  auto& in = unpacker_->in;
  if (in.pos < in.size) return true;
  const auto bytes = std::min<std::uint64_t>(end_ - at_, unpacker_->room.size());
  if (bytes == 0) return false;
  const auto piece = std::span(unpacker_->room).first(static_cast<std::size_t>(bytes));
  BOOST_OUTCOME_TRY(from_.read(at_, piece));
  at_ += bytes;
  in = {piece.data(), piece.size(), 0};
  return true;
}

result<std::size_t> part_reader::unpack(std::span<std::byte> to) {
  ZSTD_outBuffer out{to.data(), to.size(), 0};
  while (out.pos < out.size && !unpacker_->is_ended) {
    BOOST_OUTCOME_TRY(has_more, fetch());
    const auto before = out.pos;
    const auto left = ZSTD_decompressStream(unpacker_->context.get(), &out, &unpacker_->in);
    if (ZSTD_isError(left))
      return damage(fmt::format("its body is no zstd frame: {}", ZSTD_getErrorName(left)));
    unpacker_->is_ended = left == 0;
    if (!has_more && out.pos == before && !unpacker_->is_ended) break;
  }
  return out.pos;
}

result<void> part_reader::read(std::span<std::byte> to) {
  BOOST_OUTCOME_TRY(found, unpack(to));
  if (found < to.size())
    return damage(fmt::format("its body ends {} bytes too early", to.size() - found));
  return success();
}

result<void> part_reader::end() {
  std::byte more{};
  BOOST_OUTCOME_TRY(found, unpack(std::span(&more, 1)));
  if (found > 0 || !unpacker_->is_ended || at_ < end_ || unpacker_->in.pos < unpacker_->in.size)
    return damage("something follows what belongs to it, or its body does not end");
  return success();
}

result<file_facts> facts_of(const readable_file& file) {
  sha256_stream digest;
  BOOST_OUTCOME_TRY(each_piece(file, file.size(), [&](auto piece) { digest.add(piece); }));
  return file_facts{file.size(), digest.digest()};
}

} // namespace lagrange::runtime
