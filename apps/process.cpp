#include "apps/process.hpp"

#include "apps/spawn.hpp"
#include "ops/contract.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <ostream>
#include <system_error>
#include <thread>

namespace lagrange::apps {

using runtime::errc;
using runtime::failure;

std::string to_string(const process_end& end) {
  const auto who = "process " + std::to_string(end.pid);
  if (!end.is_known) return who + " ended";
  if (end.signal == 0) return who + " exited with status " + std::to_string(end.status);
  return who + " was killed by signal " + std::to_string(end.signal) + " (" +
         ::strsignal(end.signal) + ")";
}

std::ostream& operator<<(std::ostream& out, const process_end& end) {
  return out << to_string(end);
}

void name_process(const std::string& name) { ::prctl(PR_SET_NAME, name.c_str()); }

// The thread, what it is asked to do, and the children it has.
class process_group::watcher {
public:
  explicit watcher(end_callback ended);
  ~watcher();
  runtime::result<pid_t> start(const std::vector<std::string>& arguments,
                               const process_options& options);
  bool adopt(pid_t pid, const std::function<bool()>& is_it);
  void release();
  bool signal(pid_t pid, int number);
  std::vector<pid_t> living() const;
  bool wait_for_all(std::chrono::milliseconds patience);
  void close();

private:
  struct request {
    const std::vector<std::string>& arguments;
    const process_options& options;
    std::promise<runtime::result<pid_t>> answer;
  };

  bool is_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  void run();
  void answer_requests();
  runtime::result<pid_t> start_here(const std::vector<std::string>& arguments,
                                    const process_options& options);
  std::vector<pollfd> watched() const;
  void tell_if_ended(pid_t pid);
  std::optional<process_end> find_end(pid_t pid) const;
  void wake();

  const end_callback ended_;
  const descriptor wake_;
  mutable std::mutex mutex_; // guards all below but thread_
  std::condition_variable told_;
  std::deque<request*> requests_;
  std::map<pid_t, descriptor> children_;
  bool is_closed_ = false;
  bool is_leaving_ = false;
  bool is_telling_ = false; // an end is being told
  std::thread thread_;
};

process_group::watcher::watcher(end_callback ended)
    : ended_(std::move(ended)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_)
    throw ops::device_error(std::string("no descriptor to watch processes with: ") +
                            std::strerror(errno));
  struct sigaction current {};
  ::sigaction(SIGCHLD, nullptr, &current);
  if (current.sa_handler == SIG_IGN) ::signal(SIGCHLD, SIG_DFL);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& e) {
    throw ops::device_error(std::string("no thread to watch processes with: ") + e.what());
  }
}

process_group::watcher::~watcher() {
  {
    std::lock_guard lock(mutex_);
    is_leaving_ = true;
  }
  wake();
  thread_.join();
}

runtime::result<pid_t> process_group::watcher::start(const std::vector<std::string>& arguments,
                                                     const process_options& options) {
  if (is_own_thread()) return start_here(arguments, options);
  request asked{arguments, options, {}};
  auto answer = asked.answer.get_future();
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(&asked);
  }
  wake();
  return answer.get();
}

runtime::result<pid_t> process_group::watcher::start_here(const std::vector<std::string>& arguments,
                                                          const process_options& options) {
  // Under the lock, so that kill_all() finds every child that was started before it.
  std::lock_guard lock(mutex_);
  if (is_closed_) return failure(errc::interrupted, "no process starts: the job is ending");
  auto made = spawn(arguments, options);
  if (!made) return made.error();
  const pid_t pid = made.value().pid;
  children_[pid] = std::move(made.value().handle);
  return pid;
}

bool process_group::watcher::adopt(pid_t pid, const std::function<bool()>& is_it) {
  descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!handle || !is_it()) return false;
  {
    std::lock_guard lock(mutex_);
    if (is_closed_ || children_.contains(pid)) return false;
    children_[pid] = std::move(handle);
  }
  wake();
  return true;
}

void process_group::watcher::release() {
  std::lock_guard lock(mutex_);
  is_closed_ = true;
  children_.clear();
}

bool process_group::watcher::signal(pid_t pid, int number) {
  std::lock_guard lock(mutex_);
  const auto child = children_.find(pid);
  return child != children_.end() &&
         ::syscall(SYS_pidfd_send_signal, child->second.get(), number, nullptr, 0) == 0;
}

std::vector<pid_t> process_group::watcher::living() const {
  std::lock_guard lock(mutex_);
  std::vector<pid_t> pids;
  for (const auto& [pid, handle] : children_) pids.push_back(pid);
  return pids;
}

bool process_group::watcher::wait_for_all(std::chrono::milliseconds patience) {
  LAGRANGE_EXPECT(!is_own_thread(), "the callback waits for ends that it would be told of");
  std::unique_lock lock(mutex_);
  return told_.wait_for(lock, patience, [this] { return children_.empty() && !is_telling_; });
}

void process_group::watcher::close() {
  std::lock_guard lock(mutex_);
  is_closed_ = true;
  for (const auto& [pid, handle] : children_)
    ::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
}

void process_group::watcher::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void process_group::watcher::answer_requests() {
  std::unique_lock lock(mutex_);
  while (!requests_.empty()) {
    request* next = requests_.front();
    requests_.pop_front();
    lock.unlock();
    next->answer.set_value(start_here(next->arguments, next->options));
    lock.lock();
  }
}

std::vector<pollfd> process_group::watcher::watched() const {
  std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
  std::lock_guard lock(mutex_);
  for (const auto& [pid, handle] : children_) polled.push_back({handle.get(), POLLIN, 0});
  return polled;
}

std::optional<process_end> process_group::watcher::find_end(pid_t pid) const {
  siginfo_t found{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &found, WEXITED | WNOHANG) != 0) {
    std::lock_guard lock(mutex_); // another process's child, or was adopted by the init process
    const auto child = children_.find(pid);
    if (child == children_.end()) return std::nullopt;
    pollfd ended{child->second.get(), POLLIN, 0};
    if (::poll(&ended, 1, 0) != 1) return std::nullopt;
    return process_end{pid, 0, 0, false};
  }
  if (found.si_pid == 0) return std::nullopt;
  const bool by_itself = found.si_code == CLD_EXITED;
  return process_end{pid, by_itself ? found.si_status : 0, by_itself ? 0 : found.si_status};
}

void process_group::watcher::tell_if_ended(pid_t pid) {
  const auto end = find_end(pid);
  if (!end) return;
  {
    // Forgotten before it is told: the callback may start a child that gets the number again.
    std::lock_guard lock(mutex_);
    children_.erase(pid);
    is_telling_ = true;
  }
  ended_(*end);
  {
    std::lock_guard lock(mutex_);
    is_telling_ = false;
  }
  told_.notify_all();
}

void process_group::watcher::run() {
  for (;;) {
    auto polled = watched();
    ::poll(polled.data(), polled.size(), -1); // what follows is right whatever ended the wait
    std::uint64_t wakes;
    [[maybe_unused]] const auto read = ::read(wake_.get(), &wakes, sizeof wakes);
    answer_requests();
    for (const pid_t pid : living()) tell_if_ended(pid);
    std::lock_guard lock(mutex_);
    if (is_leaving_) return;
  }
}

process_group::process_group(end_callback ended)
    : watcher_(std::make_unique<watcher>(std::move(ended))) {}

process_group::~process_group() { kill_all(); }

runtime::result<pid_t> process_group::start(const std::vector<std::string>& arguments,
                                            const process_options& options) {
  return watcher_->start(arguments, options);
}

bool process_group::adopt(pid_t pid, const std::function<bool()>& is_it) {
  return watcher_->adopt(pid, is_it);
}

void process_group::release() { watcher_->release(); }

bool process_group::signal(pid_t pid, int number) { return watcher_->signal(pid, number); }

std::vector<pid_t> process_group::living() const { return watcher_->living(); }

bool process_group::wait_for_all(std::chrono::milliseconds patience) {
  return watcher_->wait_for_all(patience);
}

bool process_group::kill_all(std::chrono::milliseconds patience) {
  watcher_->close();
  return watcher_->wait_for_all(patience);
}

} // namespace lagrange::apps
