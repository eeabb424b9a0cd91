/// \file
/// What tests with real processes share: the ends that a group told, and a pipe to hear a child by.
#pragma once

#include "apps/process.hpp"
#include "runtime/transport/descriptor.hpp"

#include <fcntl.h>
#include <poll.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

namespace lagrange::apps {

using runtime::transport::descriptor;

/// Longer than anything here takes; only a failing test waits for it.
constexpr std::chrono::seconds long_enough{20};

/// Arguments that make this test program run one of its hidden cases instead.
inline std::vector<std::string> hidden_case(const std::string& tag) { return {"[" + tag + "]"}; }

/// A child that does nothing until it is killed.
constexpr const char* idle_program = "/usr/bin/tail";
inline const std::vector<std::string> idle_arguments{"-f", "/dev/null"};

/// Collects what a process_group tells.
class told_ends {
public:
  process_group::end_callback callback() {
    return [this](const process_end& end) {
      std::lock_guard lock(mutex_);
      ends_.push_back(end);
    };
  }
  std::vector<process_end> all() const {
    std::lock_guard lock(mutex_);
    return ends_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<process_end> ends_;
};

/// A pipe whose writing end is given to a child as its output.
class ear {
public:
  ear() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      reader_ = descriptor(ends[0]);
      writer_ = descriptor(ends[1]);
    }
  }
  int writer() const { return writer_.get(); }
  /// Our own copy of the writing end would keep the pipe open after the child's end.
  void close_writer() { writer_.reset(); }
  /// The next line without its end, or "" when no line comes.
  std::string line() {
    std::string text;
    for (char c = 0; next(c) && c != '\n';) text += c;
    return text;
  }
  /// All that comes until the other end is closed. Requires: close_writer() was called.
  std::string rest() {
    std::string text;
    for (char c = 0; next(c);) text += c;
    return text;
  }

private:
  bool next(char& c) {
    pollfd polled{reader_.get(), POLLIN, 0};
    const int patience_ms = static_cast<int>(std::chrono::milliseconds(long_enough).count());
    return ::poll(&polled, 1, patience_ms) == 1 && ::read(reader_.get(), &c, 1) == 1;
  }
  descriptor reader_;
  descriptor writer_;
};

} // namespace lagrange::apps
