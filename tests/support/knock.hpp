/// \file
/// What a caller of our greeting says first, said by hand.
#pragma once

#include "runtime/transport/proof.hpp"

#include <string_view>
#include <vector>

namespace lagrange::tests {

inline std::vector<std::byte> knock_of(const runtime::transport::job_token& token,
                                       std::uint8_t version = 1) {
  runtime::transport::transcript about;
  runtime::transport::draw(about.caller);
  const auto knows = prove(token, runtime::transport::purpose::knock, about);
  std::vector<std::byte> bytes;
  for (const char c : std::string_view("lagrng")) bytes.push_back(static_cast<std::byte>(c));
  bytes.push_back(static_cast<std::byte>(version));
  bytes.push_back({}); // no TLS
  bytes.insert(bytes.end(), about.caller.begin(), about.caller.end());
  bytes.insert(bytes.end(), knows.begin(), knows.end());
  return bytes;
}

} // namespace lagrange::tests
