/// \file
/// The makers of the models that have files of their own, for the table in models.cpp.
#pragma once

#include "ops/models.hpp"

#include <array>

namespace lagrange::ops {

/// Paper: Radford et al.: Language Models are Unsupervised Multitask Learners (2019).
std::unique_ptr<network> make_gpt(const model_input& input, const model_settings& settings);
inline constexpr std::array<model_setting, 4> gpt_settings{{
    {"layers", "blocks of attention and two linear layers", 4, 1, 1000},
    {"width", "numbers for each token", 128, 1, 65536},
    {"heads", "of attention, which divide the width", 4, 1, 65536},
    {"context", "tokens in a row at most, 0: as many as the data have", 0, 0, 1 << 20},
}};

} // namespace lagrange::ops
