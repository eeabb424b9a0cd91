#include "apps/control_socket.hpp"

#include "apps/run_folder.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

namespace lagrange::apps {

namespace {

using namespace runtime;
using transport::descriptor;

constexpr std::size_t order_letters_max = 1024;
/// The status of a job takes about 200 letters an actor.
constexpr std::size_t answer_letters_max = 1 << 20;
constexpr std::size_t callers_max = 16;

/// The address of a socket in a folder, however long the folder's path is. Valid while the
/// descriptor of the folder is open.
struct folder_address {
  explicit folder_address(const std::filesystem::path& run)
      : folder(::open(run.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    name.sun_family = AF_UNIX;
    const auto path = fmt::format("/proc/self/fd/{}/{}", folder.get(), control_name);
    path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }

  descriptor folder;
  sockaddr_un name{};
};

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

bool send_line(const descriptor& to, std::string_view line) {
  const auto whole = std::string(line) + "\n";
  return ::send(to.get(), whole.data(), whole.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(whole.size());
}

} // namespace

result<control_socket> control_socket::open(const std::filesystem::path& run) {
  const auto path = run / control_name;
  const auto refuse = [&] {
    return failure(errc::bad_file,
                   fmt::format("cannot make {}, through which the job takes orders: "
                               "{}; put output.dir on a file system with sockets",
                               path.string(), std::strerror(errno)));
  };
  const folder_address at(run);
  descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  std::error_code ignored; // what a supervisor that was killed has left: the run's lock is ours
  std::filesystem::remove(path, ignored);
  if (!at.folder || !made || ::bind(made.get(), at.get(), sizeof(at.name)) != 0) return refuse();
  control_socket open(path, std::move(made));
  // Nobody can connect before it listens, so nobody but the owner ever can.
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 ||
      ::listen(open.listening_.get(), callers_max) != 0)
    return refuse();
  return open;
}

control_socket::~control_socket() {
  if (!listening_ || path_.empty()) return; // moved from, or another's by now
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void control_socket::add_to(std::vector<pollfd>& waited) const {
  waited.push_back({listening_.get(), POLLIN, 0});
  for (const auto& [number, each] : callers_)
    if (!each.is_asked) waited.push_back({each.socket.get(), POLLIN, 0});
}

void control_socket::accept_callers() {
  for (;;) {
    descriptor next(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!next) return;
    callers_[++last_caller_] = {std::move(next), {}, false};
    if (callers_.size() > callers_max) callers_.erase(callers_.begin());
  }
}

std::vector<control_order> control_socket::take_orders() {
  accept_callers();
  std::vector<control_order> orders;
  for (auto at = callers_.begin(); at != callers_.end();) {
    if (at->second.is_asked || hear(at->second)) {
      ++at;
      continue;
    }
    at = callers_.erase(at);
  }
  for (auto& [number, from] : callers_) {
    const auto end = from.heard.find('\n');
    if (from.is_asked || end == std::string::npos) continue;
    orders.push_back({number, words_of(from.heard.substr(0, end))});
    from.is_asked = true;
  }
  return orders;
}

/// False: it is to be dropped.
bool control_socket::hear(caller& from) {
  char bytes[order_letters_max];
  const auto count = ::recv(from.socket.get(), bytes, sizeof(bytes), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  from.heard.append(bytes, static_cast<std::size_t>(count));
  if (from.heard.find('\n') != std::string::npos) return true;
  return count > 0 && from.heard.size() <= order_letters_max;
}

void control_socket::answer(std::uint64_t whom, std::string_view line) {
  if (const auto found = callers_.extract(whom); !found.empty())
    send_line(found.mapped().socket, line); // who does not listen any more needs no answer
}

result<std::string> give_order(const std::filesystem::path& run, std::string_view order,
                               std::chrono::milliseconds patience) {
  BOOST_OUTCOME_TRY(check_run_folder(run));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto late = [&] {
    return failure(errc::peer_gone, fmt::format("the job of {} ended, or was too busy, before it "
                                                "had done so; see its events.log",
                                                run.string()));
  };
  const folder_address at(run);
  const descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!at.folder || !made || ::connect(made.get(), at.get(), sizeof(at.name)) != 0) {
    if (errno == EAGAIN) return late(); // so many wait already
    return failure(errc::bad_argument,
                   fmt::format("the job of {} takes no orders: it is over, it was simulated, or it "
                               "is another user's ({})",
                               run.string(), std::strerror(errno)));
  }
  std::string heard;
  bool goes_on = send_line(made, order);
  while (goes_on && heard.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waits{made.get(), POLLIN, 0};
    char bytes[4096];
    goes_on =
        left.count() > 0 &&
        heard.size()<answer_letters_max&& ::poll(&waits, 1, static_cast<int>(left.count()))> 0;
    const auto count = goes_on ? ::recv(made.get(), bytes, sizeof(bytes), 0) : 0;
    goes_on = count > 0;
    if (goes_on) heard.append(bytes, static_cast<std::size_t>(count));
  }
  if (!heard.ends_with('\n')) return late();
  heard.pop_back();
  return heard;
}

} // namespace lagrange::apps
