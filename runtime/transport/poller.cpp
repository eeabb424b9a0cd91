#include "runtime/transport/poller.hpp"

#include "ops/contract.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace lagrange::runtime::transport {

namespace {

descriptor checked(int number, const char* what) {
  if (number < 0)
    throw ops::device_error(std::string("the system gives no ") + what + ": " +
                            std::strerror(errno));
  return descriptor(number);
}

epoll_event event_of(std::uint64_t key, bool for_writing) {
  epoll_event made{};
  made.events = EPOLLIN | EPOLLRDHUP | (for_writing ? EPOLLOUT : 0u);
  made.data.u64 = key;
  return made;
}

} // namespace

descriptor make_doorbell() {
  return checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "event descriptor");
}

void ring(const descriptor& doorbell) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(doorbell.get(), &one, sizeof one);
}

poller::poller()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll")), doorbell_(make_doorbell()) {
  add(doorbell_.get(), 0);
}

void poller::add(int number, std::uint64_t key) {
  auto event = event_of(key, false);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, number, &event) != 0)
    throw ops::device_error(std::string("epoll takes no more descriptors: ") +
                            std::strerror(errno));
}

void poller::remove(int number) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, number, nullptr); }

void poller::watch(int number, std::uint64_t key, bool for_writing) const {
  auto event = event_of(key, for_writing);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, number, &event); // fails when it was removed: no matter
}

void poller::wake() {
  is_called_.store(true); // in this order, and lie_down() in the other: one of the two sees
  if (is_lying_.exchange(false)) ring(doorbell_);
}

bool poller::lie_down() {
  is_lying_.store(true);
  return !is_called_.load();
}

bool poller::get_up() {
  is_lying_.store(false);
  return is_called_.exchange(false);
}

std::span<const epoll_event> poller::wait(std::chrono::nanoseconds at_most) {
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
  const auto count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                  static_cast<int>(std::max<std::int64_t>(limit, 0)));
  auto found = std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
  // The doorbell is no news to the caller: whoever rang it has left what there is to see.
  const auto doorbell = std::find_if(found.begin(), found.end(),
                                     [](const epoll_event& x) { return x.data.u64 == 0; });
  if (doorbell == found.end()) return found;
  std::uint64_t rung;
  [[maybe_unused]] const auto read = ::read(doorbell_.get(), &rung, sizeof rung);
  std::swap(*doorbell, found.back());
  return found.first(found.size() - 1);
}

} // namespace lagrange::runtime::transport
