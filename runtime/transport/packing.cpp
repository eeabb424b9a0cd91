#include "runtime/transport/packing.hpp"

#include "ops/contract.hpp"
#include "runtime/transport/record.hpp"

#include <zstd.h>

namespace lagrange::runtime::transport {

namespace {

// The receiver's memory is that of the window, so it is small, and a sender cannot ask for more.
constexpr int window_log = 18;
// Faster than a gigabit link on one core; higher levels win little on tensors.
constexpr int level = 1;
constexpr std::size_t worth_trying_bytes = 512;

std::span<const std::byte> bytes_of(const ops::tensor& x) { return {x.bytes(), x.size_bytes()}; }

} // namespace

packer::packer() : context_(::ZSTD_createCCtx()) {
  if (context_ == nullptr) throw ops::device_error("out of memory: none for zstd");
  ::ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
  ::ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, window_log);
}
packer::~packer() { ::ZSTD_freeCCtx(context_); }

std::optional<packer::packed> packer::pack(const frame& what, block_pool& memory) {
  const auto raw_bytes = what.payload_bytes();
  if (raw_bytes < worth_trying_bytes) return std::nullopt;
  packed made{memory.take(raw_bytes), 0};
  const std::lock_guard lock(mutex_);
  ::ZSTD_CCtx_reset(context_, ZSTD_reset_session_only);
  ::ZSTD_CCtx_setPledgedSrcSize(context_, raw_bytes);
  // One byte less than it was: otherwise it is not worth it.
  ZSTD_outBuffer out{made.memory.data(), raw_bytes - 1, 0};
  for (std::size_t i = 0; i < what.payloads.size(); ++i) {
    const auto from = bytes_of(what.payloads[i]);
    const bool is_last = i + 1 == what.payloads.size();
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    const auto left =
        ::ZSTD_compressStream2(context_, &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
    if (::ZSTD_isError(left) || in.pos < in.size || (is_last && left > 0)) return std::nullopt;
  }
  made.bytes = out.pos;
  return made;
}

unpacker::unpacker() : context_(::ZSTD_createDCtx()) {
  if (context_ == nullptr) throw ops::device_error("out of memory: none for zstd");
  ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log);
}
unpacker::~unpacker() { ::ZSTD_freeDCtx(context_); }

void unpacker::start() {
  ::ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
  is_over_ = false;
}

result<void> unpacker::unpack(std::span<const std::byte>& from, std::span<std::byte>& to) {
  ZSTD_inBuffer in{from.data(), from.size(), 0};
  ZSTD_outBuffer out{to.data(), to.size(), 0};
  const auto left = ::ZSTD_decompressStream(context_, &out, &in);
  if (::ZSTD_isError(left))
    return refuse("the packed payload", ::ZSTD_getErrorName(left), "a zstd stream");
  is_over_ = left == 0;
  from = from.subspan(in.pos);
  to = to.subspan(out.pos);
  return success();
}

} // namespace lagrange::runtime::transport
