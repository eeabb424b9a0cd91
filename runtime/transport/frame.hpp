/// \file
/// What travels on the tensor plane: a small Cap'n Proto segment and references to the tensors that
/// it speaks of. Whoever sends a frame keeps its tensors unchanged; whoever receives one gets
/// views, and the memory behind them is the transport's again when the last view is gone.
#pragma once

#include "ops/tensor.hpp"

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>

namespace lagrange::runtime::transport {

/// What goes first on a link: lower first, first come first served among equals.
enum class urgency : std::uint8_t {
  control = 0, ///< requests, acknowledgements: small, and somebody waits for them
  parameters,  ///< what the next forward pass needs
  samples,     ///< what the step after it needs
  gradients,
  bulk, ///< snapshots for evaluation and checkpoints
};
constexpr std::size_t urgencies = 5;

struct frame {
  /// Segments of one frame beyond the first.
  static constexpr std::size_t payloads_max = 8;
  /// Words of the first segment. Whatever grows with the model is a payload.
  static constexpr std::size_t head_words_max = 4096;

  /// What the head is, in the words of whoever sends and receives; transports only carry it.
  /// Numbers from 0xFF00 on are the transport's own.
  std::uint16_t kind = 0;
  urgency first = urgency::control;
  /// To be compressed on a link that leaves the host, if that makes it smaller.
  bool wants_compression = false;
  /// Segment 0 of the Cap'n Proto message.
  boost::container::small_vector<std::uint64_t, 40> head;
  /// Segments 1 and on, as tensors of any type on the CPU: their bytes travel. Received ones are
  /// u8 [bytes], aligned to at least 8 and readable up to the next multiple of 8.
  boost::container::small_vector<ops::tensor, 2> payloads;
  /// Set on received frames: what it took on the wire, framing included.
  std::uint64_t wire_bytes = 0;

  /// Bytes of the payloads, without framing.
  std::uint64_t payload_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& each : payloads) sum += each.size_bytes();
    return sum;
  }
};

} // namespace lagrange::runtime::transport
