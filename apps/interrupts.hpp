/// \file
/// Ctrl-C and SIGTERM as values. The first one asks for an orderly end; the second one ends the
/// process at once, with status 130, whatever the rest of it is doing.
///
/// There is no signal handler and no global variable: the two signals are blocked in every thread,
/// and a thread of this class's own waits for them.
#pragma once

#include <functional>
#include <memory>
#include <optional>

namespace lagrange::apps {

/// Watches for SIGINT and SIGTERM while it lives. They count even where they were ignored when the
/// process began, as a shell does for what it starts in the background.
class interrupts {
public:
  /// Given the signal's number. It runs on a thread of its own, at most once.
  using reaction = std::function<void(int)>;

  /// Blocks both signals for the calling thread and for those it starts from now on.
  /// Requires: made before the process starts any other thread, one at a time.
  /// Errors: throws device_error when the process is out of descriptors or threads.
  interrupts();

  /// Waits for a reaction that is under way; then the signals are as they were.
  ~interrupts();
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  /// What an orderly end takes. Runs at once when the signal has come already.
  void on_first(reaction stop);

  /// Last words before the process ends at the second signal, such as giving the terminal back.
  /// They have two seconds; children of a process_group need none, the kernel kills them.
  void on_second(reaction last_words);

  /// The first signal, once it has come.
  std::optional<int> first() const;

  /// A descriptor that is readable from the first signal on, to wait for it beside others. It stays
  /// this object's; do not read it.
  int pollable() const;

private:
  class watcher;
  std::unique_ptr<watcher> watcher_;
};

} // namespace lagrange::apps
