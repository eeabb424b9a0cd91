/// \file
/// A file descriptor that closes itself, for the few files that speak to the kernel directly.
#pragma once

#include <unistd.h>

#include <utility>

namespace lagrange::apps {

/// Owns one descriptor, or none (-1).
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { reset(); }

  /// The number, or -1.
  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// Closes it now.
  void reset() {
    if (const int number = std::exchange(number_, -1); number >= 0) ::close(number);
  }

private:
  int number_ = -1;
};

} // namespace lagrange::apps
