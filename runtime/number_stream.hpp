/// \file
/// The numbers of a structure as one row of words, and back by the same walk: for what is small,
/// has no layout of its own, and lives no longer than one program (a replica that is filled).
#pragma once

#include "runtime/ids.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagrange::runtime {

template <class Inspector>
auto inspect(Inspector& f, lease_attempt_id& x) {
  return f(x.what, x.attempt);
}

class number_stream {
public:
  /// Writes.
  number_stream() = default;
  /// Reads. Requires: words that outlive it.
  explicit number_stream(std::span<const std::uint64_t> from) : rest_(from), is_reading_(true) {}

  /// One after another; an `inspect` of messages takes it for an inspector.
  template <class... T>
  bool operator()(T&... x) {
    (pass(x), ...);
    return !is_short_;
  }
  bool is_reading() const { return is_reading_; }
  /// Of reading: every word was there, and none is left.
  bool is_whole() const { return !is_short_ && rest_.empty(); }
  const std::vector<std::uint64_t>& words() const { return words_; }

private:
  void pass(std::uint64_t& x) {
    if (!is_reading_) return words_.push_back(x);
    is_short_ |= rest_.empty();
    x = is_short_ ? 0 : rest_.front();
    if (!is_short_) rest_ = rest_.subspan(1);
  }
  template <class T>
  requires((std::is_integral_v<T> ||
            std::is_enum_v<T>)&&!std::is_same_v<T, std::uint64_t>) void pass(T& x) {
    auto word = static_cast<std::uint64_t>(x);
    pass(word);
    x = static_cast<T>(word);
  }
  template <class Tag, class Rep>
  void pass(strong<Tag, Rep>& x) {
    pass(x.value);
  }
  template <class Rep, class Period>
  void pass(std::chrono::duration<Rep, Period>& x) {
    auto count = x.count();
    pass(count);
    x = std::chrono::duration<Rep, Period>(count);
  }
  template <class Clock, class Duration>
  void pass(std::chrono::time_point<Clock, Duration>& x) {
    auto since = x.time_since_epoch();
    pass(since);
    x = std::chrono::time_point<Clock, Duration>(since);
  }
  /// How many follow; as many words at least are there.
  std::size_t pass_size(std::size_t size) {
    std::uint64_t word = size;
    pass(word);
    if (is_reading_ && word > rest_.size()) is_short_ = true;
    return is_short_ ? 0 : word;
  }
  void pass(std::string& x) {
    x.resize(pass_size(x.size()));
    for (auto& letter : x) pass(letter);
  }
  template <class T>
  void pass(std::vector<T>& x) {
    x.resize(pass_size(x.size()));
    for (auto& each : x) pass(each);
  }
  template <class T, std::size_t N>
  void pass(std::array<T, N>& x) {
    for (auto& each : x) pass(each);
  }
  template <class T>
  void pass(std::optional<T>& x) {
    if (pass_size(x ? 1 : 0) == 0) return x.reset();
    if (!x) x.emplace();
    pass(*x);
  }
  template <class A, class B>
  void pass(std::pair<A, B>& x) {
    pass(x.first);
    pass(x.second);
  }
  template <class Key, class T>
  void pass(std::map<Key, T>& x) {
    std::vector<std::pair<Key, T>> row(x.begin(), x.end());
    pass(row);
    if (is_reading_) x = {row.begin(), row.end()};
  }
  template <class T>
  requires std::is_class_v<T>
  void pass(T& x) { inspect(*this, x); }

  std::vector<std::uint64_t> words_;
  std::span<const std::uint64_t> rest_;
  bool is_reading_ = false;
  bool is_short_ = false;
};

} // namespace lagrange::runtime
