#include "runtime/data/dataset.hpp"

#include "runtime/data/rows.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

namespace {

constexpr data_row table[] = {
    {"idx", "a folder of MNIST's kind: images and labels in four .idx or -idx files, .gz or not",
     open_idx},
    {"text", "a text file as characters, each to be predicted from those before it", open_text},
    {"words", "a text file as words, each with its neighbours, for embeddings", open_words},
    {"libsvm", "sparse rows in LIBSVM's format: STEM to train on, STEM.t to test with",
     open_libsvm},
    {"interactions", "a CSV file of customer,item,... by time; the last new item is the test",
     open_interactions},
    {"synthetic",
     "made on the spot, always the same: blobs:SAMPLES:FEATURES:CLASSES, or "
     "zipf-pairs:SAMPLES:ROWS_A:ROWS_B:EXPONENT",
     open_synthetic},
};

} // namespace

std::span<const data_row> data_formats() { return table; }

void expect_samples(std::span<const std::uint32_t> samples, std::size_t size) {
  LAGRANGE_EXPECT(!samples.empty(), "a batch of no samples");
  for (const auto sample : samples)
    LAGRANGE_EXPECT(sample < size, fmt::format("sample {} of {} was asked for", sample, size));
}

} // namespace lagrange::runtime
