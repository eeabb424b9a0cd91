/// \file
/// Our side of the comparison with PyTorch, on synthetic data of the right shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace lagrange::bench {

/// Forward, backward and one step of the optimizer: plain SGD, or AdamW for `gpt`.
std::function<void()> training_step(const std::string& model, std::int64_t batch);

/// A square product of f32 by the library, and by oneDNN's sgemm.
std::function<void()> our_product(std::int64_t size);
std::function<void()> bare_product(std::int64_t size);

} // namespace lagrange::bench
