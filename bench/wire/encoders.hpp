/// \file
/// How fast codecs encode and decode, beside memcpy of the same numbers.
#pragma once

#include <string>
#include <vector>

namespace lagrange::bench {

/// One measured codec. Rates are in bytes of f32, whatever the encoded size.
struct encoder_rate {
  std::string name;
  double ratio = 0;        ///< of encode's rate to memcpy's
  double goal = 0;         ///< least ratio; 0: none
  double decode_ratio = 0; ///< of decode's rate to memcpy's
  double bytes_ratio = 0;  ///< of the f32 bytes to the encoded bytes
};

/// Measures every codec on a gradient of 4 MiB in `rounds` rounds, each of which runs memcpy and
/// all codecs once, because the clock of a host drifts.
std::vector<encoder_rate> measure_encoders(int rounds);

} // namespace lagrange::bench
