#include "ops/contract.hpp"

namespace lagrange::ops {

void throw_contract_error(const char* claim, const char* file, int line, const std::string& text) {
  throw contract_error(std::string(file) + ":" + std::to_string(line) + ": expected " + claim +
                       ": " + text);
}

} // namespace lagrange::ops
