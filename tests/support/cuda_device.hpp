/// \file
/// The device that the tests of the CUDA backend run on: a GPU in test_ops_gpu, the emulation in
/// test_ops_cuda. And numbers to give it, plain loops' way of reading them, and how far apart two
/// results are.
#pragma once

#include "ops/contract.hpp"
#include "ops/cuda/backend.hpp"
#include "ops/cuda/storage.hpp"
#include "ops/random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace lagrange::tests {

namespace cuda = ops::cuda;

/// Requires: there is a device.
const cuda::backend& backend_under_test();

inline void check(cuda::status why) {
  if (why != nullptr) throw ops::device_error(why);
}

/// A context with one stream, as a worker has.
struct gpu {
  const cuda::backend& table = backend_under_test();
  cuda::context* context = nullptr;
  cuda::stream* stream = nullptr;

  explicit gpu(std::size_t held_bytes_max = std::size_t{512} << 20) {
    check(table.open(0, held_bytes_max, &context));
    check(table.open_stream(context, &stream));
  }
  ~gpu() {
    table.close_stream(stream);
    table.close(context);
  }
  gpu(const gpu&) = delete;
  gpu& operator=(const gpu&) = delete;
};

/// Elements in device memory, with some before and behind that nobody may write to.
template <class T>
class device_array {
public:
  /// Full of bytes 255, which are NaNs: whatever is not written is seen.
  device_array(gpu& on, std::int64_t count) : on_(on), count_(static_cast<std::size_t>(count)) {
    check(on_.table.allocate_pinned(on_.context, bytes(), &host_));
    check(on_.table.allocate(on_.stream, bytes(), &device_));
    std::memset(host_, 0xFF, bytes());
    upload();
  }
  device_array(gpu& on, const std::vector<T>& values)
      : device_array(on, static_cast<std::int64_t>(values.size())) {
    std::memcpy(at(host_), values.data(), count_ * sizeof(T));
    upload();
  }
  ~device_array() {
    on_.table.release(on_.context, device_);
    on_.table.release_pinned(on_.context, host_);
  }
  device_array(const device_array&) = delete;
  device_array& operator=(const device_array&) = delete;

  T* data() { return at(device_); }
  void* memory() { return device_; } ///< with what is before and behind
  std::vector<T> values() {
    check(on_.table.copy_out(on_.stream, host_, device_, bytes()));
    check(on_.table.synchronise(on_.stream));
    const auto* found = static_cast<const unsigned char*>(host_);
    for (std::size_t i = 0; i < guard_bytes; ++i)
      if (found[i] != 0xFF || found[bytes() - 1 - i] != 0xFF)
        throw std::logic_error("somebody wrote beyond the array");
    std::vector<T> taken(count_);
    std::memcpy(taken.data(), at(host_), count_ * sizeof(T));
    return taken;
  }

private:
  static constexpr std::size_t guard_bytes = 256;
  std::size_t bytes() const { return count_ * sizeof(T) + 2 * guard_bytes; }
  static T* at(void* memory) {
    return reinterpret_cast<T*>(static_cast<unsigned char*>(memory) + guard_bytes);
  }
  void upload() {
    check(on_.table.copy_in(on_.stream, device_, host_, bytes()));
    check(on_.table.synchronise(on_.stream)); // the pinned memory is written to again
  }

  gpu& on_;
  std::size_t count_;
  void* host_ = nullptr;
  void* device_ = nullptr;
};

/// `count` numbers in [-1, 1) times `scale`, the same for the same seed, rounded to T.
template <class T = float>
std::vector<T> drawn(std::int64_t count, std::uint64_t seed, float scale = 1) {
  const ops::random_sequence sequence(seed, 0);
  std::vector<T> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = cuda::rounded<T>(scale * (2 * sequence.unit(i) - 1));
  return made;
}

template <class T>
std::vector<double> widened(const std::vector<T>& values) {
  std::vector<double> made(values.size());
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = cuda::to_float(values[i]);
  return made;
}

/// The largest |a - b| / max(1, |b|); infinite if the lengths differ or only one is a NaN.
template <class T>
double distance(const std::vector<T>& a, const std::vector<double>& b) {
  constexpr auto infinite = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return infinite;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = cuda::to_float(a[i]);
    if (std::isnan(x) != std::isnan(b[i])) return infinite;
    if (std::isnan(x) || x == b[i]) continue;
    largest = std::max(largest, std::abs(x - b[i]) / std::max(1.0, std::abs(b[i])));
  }
  return largest;
}

template <class T>
constexpr ops::dtype type_of() {
  if constexpr (std::is_same_v<T, float>) return ops::dtype::f32;
  return std::is_same_v<T, cuda::f16> ? ops::dtype::f16 : ops::dtype::bf16;
}

/// How far a result stored as T may be from the right one: a few roundings.
template <class T>
constexpr double near() {
  if constexpr (std::is_same_v<T, float>) return 1e-5;
  return std::is_same_v<T, cuda::f16> ? 2e-3 : 1.6e-2;
}

/// body(T{}) for every storage type.
template <class Body>
void for_each_type(Body body) {
  body(float{});
  body(cuda::f16{});
  body(cuda::bf16{});
}

/// Whether two results have the same bits.
template <class T>
bool is_same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

} // namespace lagrange::tests
