#include "bench/wire/process_pair.hpp"

#include "ops/contract.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace lagrange::bench {

namespace {

using runtime::transport::descriptor;

constexpr const char* far_word = "--far";

int checked(int made, const char* what) {
  if (made < 0) throw ops::device_error(std::string(what) + ": " + std::strerror(errno));
  return made;
}

/// A core that shares no execution unit with others that have another name.
std::string core_name(int cpu) {
  std::string name;
  for (const char* part : {"physical_package_id", "core_id"}) {
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/" + part);
    std::string text;
    if (!(file >> text)) text = "cpu" + std::to_string(cpu);
    name += text + "/";
  }
  return name;
}

std::pair<int, int> two_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  checked(::sched_getaffinity(0, sizeof allowed, &allowed), "which cores are allowed");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  for (const int other : cpus)
    if (core_name(other) != core_name(cpus.front())) return {cpus.front(), other};
  throw ops::device_error("this benchmark needs two cores, and may use only one");
}

void pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  checked(::sched_setaffinity(0, sizeof one, &one), "pinning to a core");
}

void be_quick(const descriptor& tcp) {
  const int on = 1;
  ::setsockopt(tcp.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  checked(::fcntl(tcp.get(), F_SETFL, O_NONBLOCK), "a socket that does not block");
}

/// Both ends of a TCP connection on the loopback interface, default buffers.
std::pair<descriptor, descriptor> make_tcp() {
  const descriptor listener(checked(::socket(AF_INET, SOCK_STREAM, 0), "a TCP socket"));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  auto* const address = reinterpret_cast<sockaddr*>(&where);
  checked(::bind(listener.get(), address, size), "a TCP port");
  checked(::listen(listener.get(), 1), "listening");
  checked(::getsockname(listener.get(), address, &size), "a TCP port's number");
  descriptor near(checked(::socket(AF_INET, SOCK_STREAM, 0), "a TCP socket"));
  checked(::connect(near.get(), address, size), "connecting");
  descriptor far(checked(::accept(listener.get(), nullptr, nullptr), "accepting"));
  be_quick(near);
  be_quick(far);
  return {std::move(near), std::move(far)};
}

template <std::size_t N>
void keep_text(char (&to)[N], const std::string& from) {
  if (from.size() >= N) throw ops::device_error("an address too long to be told: " + from);
  std::memcpy(to, from.c_str(), from.size() + 1);
}

} // namespace

answer answer_of(const runtime::transport::address& x) {
  answer made;
  made.process = x.process;
  made.number = x.number;
  made.plane_port = x.port;
  keep_text(made.host, x.host);
  keep_text(made.local, x.local);
  keep_text(made.ip, x.ip);
  return made;
}

runtime::transport::address address_in(const answer& x) {
  return {x.process, x.number, x.host, x.local, x.ip, x.plane_port};
}

pair_end::pair_end(descriptor control, descriptor memory, descriptor tcp)
    : control_(std::move(control)), tcp_(std::move(tcp)),
      memory_(memory, 0, sizeof(shared_page), runtime::transport::access::write) {}

void pair_end::send(const void* bytes, std::size_t count) const {
  const auto sent = ::send(control_.get(), bytes, count, MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(count))
    throw ops::device_error("the other process of the benchmark is gone");
}

bool pair_end::receive(void* bytes, std::size_t count) const {
  ssize_t came;
  do came = ::recv(control_.get(), bytes, count, 0);
  while (came < 0 && errno == EINTR);
  return came == static_cast<ssize_t>(count);
}

process_pair::process_pair() {
  const auto [near_core, far_core] = two_cores();
  near_core_ = near_core;
  far_core_ = far_core;
  int both[2];
  checked(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, both), "a pair of sockets");
  descriptor near_control(both[0]), far_control(both[1]);
  ::fcntl(near_control.get(), F_SETFD, FD_CLOEXEC); // its end is how the far one hears of ours
  auto memory = runtime::transport::make_memory_file("lagrange-bench", sizeof(shared_page));
  ::fcntl(memory.get(), F_SETFD, 0);
  auto [near_tcp, far_tcp] = make_tcp();
  ::fcntl(near_tcp.get(), F_SETFD, FD_CLOEXEC);
  const std::string numbers[] = {std::to_string(far_control.get()), std::to_string(memory.get()),
                                 std::to_string(far_tcp.get())};
  far_ = checked(::fork(), "a second process");
  if (far_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // it spins, and would for ever
    pin(far_core);
    ::execl("/proc/self/exe", "bench_wire", far_word, numbers[0].c_str(), numbers[1].c_str(),
            numbers[2].c_str(), nullptr);
    ::_exit(127);
  }
  pin(near_core);
  end_.emplace(std::move(near_control), std::move(memory), std::move(near_tcp));
}

process_pair::~process_pair() {
  end_.reset();
  ::waitpid(far_, nullptr, 0);
}

answer process_pair::ask(const order& what) const {
  tell(what);
  answer made;
  if (!end_->receive(&made, sizeof made))
    throw ops::device_error("the far process of the benchmark is gone");
  return made;
}

std::optional<pair_end> far_end(std::span<char*> arguments) {
  if (arguments.size() != 5 || std::strcmp(arguments[1], far_word) != 0) return std::nullopt;
  const auto inherited = [&](std::size_t at) { return descriptor(std::stoi(arguments[at])); };
  return pair_end(inherited(2), inherited(3), inherited(4));
}

} // namespace lagrange::bench
