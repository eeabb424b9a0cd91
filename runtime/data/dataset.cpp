#include "runtime/data/dataset.hpp"

#include "runtime/data/rows.hpp"

namespace lagrange::runtime {

namespace {

constexpr data_row table[] = {
    {"idx", "a folder of MNIST's kind: images and labels in four .idx or -idx files, .gz or not",
     open_idx},
    {"synthetic",
     "blobs:SAMPLES:FEATURES:CLASSES, Gaussian blobs made on the spot, always the same",
     open_synthetic},
};

} // namespace

std::span<const data_row> data_formats() { return table; }

} // namespace lagrange::runtime
