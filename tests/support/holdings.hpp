/// \file
/// What a process holds of the system, for tests that something leaves nothing behind.
///
/// A thread that has been joined may be listed for a moment still: the kernel wakes who joins
/// before it takes the thread off the list. So threads are compared by their numbers, not counted
/// (one of an earlier test may be just ending), and whoever expects that none is left waits for it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

namespace lagrange::tests {

/// Longer than anything here takes; only a failing test waits for it.
constexpr std::chrono::seconds long_enough{30};

/// Waits until `claim` holds; false after long enough.
template <class Claim>
bool comes_true(Claim claim) {
  const auto deadline = std::chrono::steady_clock::now() + long_enough;
  while (!claim()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// At the moment when it is made.
class holdings {
public:
  holdings() {
    namespace fs = std::filesystem;
    descriptors_ = static_cast<std::size_t>(
        std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
    for (const auto& each : fs::directory_iterator("/proc/self/task"))
      threads_.insert(each.path().filename());
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
      mappings_ += line.find("lagrange-") != line.npos;
  }

  std::size_t descriptors() const { return descriptors_; }
  /// Threads that are here now and were not in `before`.
  std::size_t threads_since(const holdings& before) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        threads_, [&](const auto& x) { return !before.threads_.contains(x); }));
  }
  bool adds_nothing_to(const holdings& before) const {
    return descriptors_ == before.descriptors_ && mappings_ == before.mappings_ &&
           threads_since(before) == 0;
  }

private:
  std::size_t descriptors_ = 0, mappings_ = 0;
  std::set<std::string> threads_;
};

/// Waits until this process holds no more than it did.
inline bool all_is_given_back(const holdings& before) {
  return comes_true([&] { return holdings().adds_nothing_to(before); });
}

} // namespace lagrange::tests
