/// \file
/// The makers that codec.cpp's table points to, one file per codec defines each; and what decoders
/// check alike.
#pragma once

#include "runtime/codec/codec.hpp"

namespace lagrange::runtime {

/// The bytes of the numbers.
result<std::unique_ptr<codec>> make_none(std::string_view argument, std::unique_ptr<codec> rest);
/// IEEE 754 half precision.
result<std::unique_ptr<codec>> make_f16(std::string_view argument, std::unique_ptr<codec> rest);
/// The upper half of an f32.
result<std::unique_ptr<codec>> make_bf16(std::string_view argument, std::unique_ptr<codec> rest);
/// A byte a value, rounded at random. Paper: Alistarh et al., QSGD, 2017.
result<std::unique_ptr<codec>> make_int8(std::string_view argument, std::unique_ptr<codec> rest);
/// The values of largest magnitude. Paper: Stich et al., Sparsified SGD with Memory, 2018.
result<std::unique_ptr<codec>> make_topk(std::string_view argument, std::unique_ptr<codec> rest);

/// For codecs whose bytes_max() is what they always write. Errors: bad_frame.
result<void> check_size(const codec& by, std::size_t bytes, std::size_t elements);
/// Names the first of `values` that is no finite number.
error not_finite(const codec& by, std::span<const float> values);

} // namespace lagrange::runtime
