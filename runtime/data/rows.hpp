/// \file
/// The openers that dataset.cpp's table points to; one file per format defines each.
#pragma once

#include "runtime/data/dataset.hpp"

namespace lagrange::runtime {

/// MNIST, Fashion-MNIST and their kind. Pixels stay u8; a network sees them in [-1, 1].
result<std::unique_ptr<dataset>> open_idx(const std::string& path, data_split split,
                                          const data_options& options);

/// A text as a sequence of its bytes, numbered in the order of those that occur. The first nine
/// tenths are to train on. Sample i is the window of `context` bytes from i * context on, so an
/// epoch predicts every byte once, but for the first and for an end shorter than a window.
result<std::unique_ptr<dataset>> open_text(const std::string& path, data_split split,
                                           const data_options& options);

/// A text as a sequence of words (letters of ASCII, in lower case; all else is between words),
/// numbered from the most frequent down. Rare ones are left out first. A sample is a word and one
/// at most `window` words away; the last tenth is to test on, with other words to rank it against.
/// Paper: Mikolov et al. 2013 (skip-gram).
result<std::unique_ptr<dataset>> open_words(const std::string& path, data_split split,
                                            const data_options& options);

/// Rows of LIBSVM's format: a file STEM to train on and STEM.t to test with. `path` is STEM, or a
/// folder that holds them under its own name. Features that only the second has are left out.
result<std::unique_ptr<dataset>> open_libsvm(const std::string& path, data_split split,
                                             const data_options& options);

/// Who bought what, in the order of time: distinct pairs of the columns `customer` and `item`. Each
/// customer's last new item is the test, among others that this customer never bought.
/// Paper: He et al. 2017 (Neural Collaborative Filtering), leave-one-out.
result<std::unique_ptr<dataset>> open_interactions(const std::string& path, data_split split,
                                                   const data_options& options);

/// `path` is KIND:ARGUMENTS; a folder before it is ignored, because a config makes paths absolute.
/// The test split has a quarter of SAMPLES, drawn apart.
result<std::unique_ptr<dataset>> open_synthetic(const std::string& path, data_split split,
                                                const data_options& options);

/// What every gather() requires.
void expect_samples(std::span<const std::uint32_t> samples, std::size_t size);

} // namespace lagrange::runtime
