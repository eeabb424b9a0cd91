/// \file
/// The openers that dataset.cpp's table points to; one file per format defines each.
#pragma once

#include "runtime/data/dataset.hpp"

namespace lagrange::runtime {

/// MNIST, Fashion-MNIST and their kind. Pixels stay u8; a network sees them in [-1, 1].
result<std::unique_ptr<dataset>> open_idx(const std::string& path, data_split split);

/// `path` is "blobs:SAMPLES:FEATURES:CLASSES"; a folder before it is ignored, because a config
/// makes paths absolute. Class k is a normal cloud around a centre of its own, labels go round
/// robin, and the test split has a quarter of SAMPLES, drawn apart.
result<std::unique_ptr<dataset>> open_synthetic(const std::string& path, data_split split);

} // namespace lagrange::runtime
