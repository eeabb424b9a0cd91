/// \file
/// The makers of the models that have files of their own, for the table in models.cpp.
#pragma once

#include "ops/models.hpp"

#include <array>

namespace lagrange::ops {

/// Paper: He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2016).
std::unique_ptr<network> make_resnet20(const model_input& input, const model_settings& settings);

/// Paper: Radford et al.: Language Models are Unsupervised Multitask Learners (2019); but dropout
/// leaves the weights of attention alone.
std::unique_ptr<network> make_gpt(const model_input& input, const model_settings& settings);
inline constexpr std::array<model_setting, 5> gpt_settings{{
    {"layers", "blocks of attention and two linear layers", 4, 1, 1000},
    {"width", "numbers for each token", 128, 1, 65536},
    {"heads", "of attention, which divide the width", 4, 1, 65536},
    {"context", "tokens in a row at most, 0: as many as the data have", 0, 0, 1 << 20},
    {"dropout", "share of what each block adds, and of its first input, that training drops", 0, 0,
     0.99, model_setting::number_kind::real},
}};

std::unique_ptr<network> make_logistic(const model_input& input, const model_settings& settings);

/// Papers: Koren, Bell, Volinsky: Matrix Factorization Techniques for Recommender Systems (2009);
/// Rendle et al.: BPR: Bayesian Personalized Ranking from Implicit Feedback (UAI 2009).
std::unique_ptr<network> make_mf(const model_input& input, const model_settings& settings);
inline constexpr std::array<model_setting, 3> mf_settings{{
    {"width", "factors of each row", 32, 1, 65536},
    {"negatives", "rows drawn to hold each pair against", 4, 1, 1000},
    {"pairwise", "1: compare each pair with each of them, as BPR does", 0, 0, 1},
}};

/// Paper: Mikolov et al.: Distributed Representations of Words and Phrases and their
/// Compositionality (NeurIPS 2013); but negatives are drawn with equal odds.
std::unique_ptr<network> make_skipgram(const model_input& input, const model_settings& settings);
inline constexpr std::array<model_setting, 2> skipgram_settings{{
    {"width", "numbers for each word", 64, 1, 65536},
    {"negatives", "words drawn to hold each pair against", 5, 1, 1000},
}};

/// What jobs are tested with: every gradient is 1, so that `sgd` at rate 1 makes of each parameter
/// minus the number of updates, exactly up to 2^24.
std::unique_ptr<network> make_count(const model_input& input, const model_settings& settings);
inline constexpr std::array<model_setting, 1> count_settings{{
    {"elements", "parameters", 13, 1, 1 << 30},
}};

} // namespace lagrange::ops
