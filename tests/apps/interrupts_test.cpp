#include "apps/interrupts.hpp"
#include "tests/apps/children.hpp"

#include <catch2/catch.hpp>

#include <sys/syscall.h>

#include <csignal>
#include <future>

namespace lagrange::apps {

using std::chrono_literals::operator""h;

namespace {

bool is_readable(int number, int patience_ms) {
  pollfd polled{number, POLLIN, 0};
  return ::poll(&polled, 1, patience_ms) == 1;
}

void say(const std::string& line) {
  // From reactions' threads too, where Catch2 cannot check: the listener misses what is not said.
  const auto text = line + "\n";
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
}

// Sends SIGINT, then SIGTERM, to a hidden case that says "ready" and "stopping".
process_end interrupted_twice(const std::string& tag, ear& heard) {
  told_ends ends;
  process_group group(ends.callback());
  const auto pid = group.start(hidden_case(tag), {.output = heard.writer()}).value();
  heard.close_writer();
  REQUIRE(heard.line() == "ready");
  REQUIRE(group.signal(pid, SIGINT));
  REQUIRE(heard.line() == "stopping");
  REQUIRE(group.signal(pid, SIGTERM));
  REQUIRE(group.wait_for_all(long_enough));
  return ends.all().front();
}

void never_end() {
  std::promise<void> never;
  never.get_future().wait_for(1h);
}

} // namespace

TEST_CASE("EN-1: the first signal is a value and asks for an orderly end", "[apps][interrupts]") {
  interrupts watched;
  std::promise<int> asked;
  watched.on_first([&](int number) { asked.set_value(number); });
  CHECK_FALSE(watched.first().has_value());
  CHECK_FALSE(is_readable(watched.pollable(), 0));
  ::kill(::getpid(), SIGTERM);
  REQUIRE(is_readable(watched.pollable(), 20'000));
  CHECK(watched.first() == SIGTERM);
  auto answer = asked.get_future();
  REQUIRE(answer.wait_for(long_enough) == std::future_status::ready);
  CHECK(answer.get() == SIGTERM);
}

TEST_CASE("a signal that came before its reaction was set is not lost", "[apps][interrupts]") {
  std::promise<int> asked;
  interrupts watched;
  ::kill(::getpid(), SIGINT);
  REQUIRE(is_readable(watched.pollable(), 20'000));
  watched.on_first([&](int number) { asked.set_value(number); });
  auto answer = asked.get_future();
  REQUIRE(answer.wait_for(long_enough) == std::future_status::ready);
  CHECK(answer.get() == SIGINT);
}

TEST_CASE("signals are as before once nobody watches", "[apps][interrupts]") {
  sigset_t before;
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  { const interrupts watched; }
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  CHECK(::sigismember(&before, SIGINT) == ::sigismember(&after, SIGINT));
  CHECK(::sigismember(&after, SIGINT) == 0);
}

TEST_CASE("a job whose orderly end hangs", "[.][hanging-stop]") {
  interrupts watched;
  watched.on_first([](int) {
    say("stopping");
    never_end();
  });
  watched.on_second([](int) { say("goodbye"); });
  say("ready");
  never_end();
}

TEST_CASE("a job whose last words never end", "[.][endless-words]") {
  interrupts watched;
  watched.on_first([](int) { say("stopping"); });
  watched.on_second([](int) { never_end(); });
  say("ready");
  never_end();
}

TEST_CASE("a job with children that gets two signals", "[.][interrupted-parent]") {
  interrupts watched;
  process_group group([](const process_end&) {});
  const auto pid = group.start(idle_arguments, {.program = idle_program}).value();
  watched.on_first([](int) { say("stopping"); });
  watched.on_second([&](int) { say(std::to_string(pid)); });
  say("ready");
  never_end();
}

TEST_CASE("EN-1: a second signal ends a hanging job at once with status 130",
          "[apps][interrupts]") {
  ear heard;
  const auto end = interrupted_twice("hanging-stop", heard);
  CHECK(end.status == 130);
  CHECK(end.signal == 0);
  CHECK(heard.line() == "goodbye");
}

TEST_CASE("EN-1: last words that never end do not keep the process", "[apps][interrupts]") {
  ear heard;
  CHECK(interrupted_twice("endless-words", heard).status == 130);
}

TEST_CASE("EN-1: a second signal leaves no child", "[apps][interrupts]") {
  ear heard;
  CHECK(interrupted_twice("interrupted-parent", heard).status == 130);
  const int pid = std::stoi(heard.line());
  // The kernel kills it as its parent goes; what is left may be a zombie until init reaps it.
  const descriptor child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  CHECK((!child || is_readable(child.get(), 10'000)));
}

} // namespace lagrange::apps
