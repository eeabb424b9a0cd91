// Peers that are other processes: stopped, silent, killed.
#include "tests/support/transport_child.hpp"
#include "tests/support/transport_kit.hpp"

#include <poll.h>

#include <atomic>
#include <cstdlib>

namespace lagrange::tests {

namespace {

using transport::byte_ways;
using transport::frame;

constexpr std::uint64_t credit_bytes = std::uint64_t{8} << 20;
constexpr const char* ways[] = {"tcp", "shared"};

transport::byte_options options_of(const std::string& way) {
  transport::byte_options made;
  made.ways = way == "tcp" ? byte_ways::tcp : byte_ways::shared_memory;
  made.credit_bytes = credit_bytes;
  made.queue_bytes_max = credit_bytes;
  // A test that stops a peer does not want it to be given up, but for the one that does.
  made.silence_min = made.silence_max = long_enough;
  return made;
}

frame task(child_task what, std::vector<ops::tensor> payloads = {}) {
  return frame_of(static_cast<std::uint16_t>(what), urgency::gradients, std::move(payloads));
}

/// Memory of this process that is really there.
std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t names_in(const char* folder) {
  namespace fs = std::filesystem;
  std::error_code none;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder, none), fs::directory_iterator()));
}

} // namespace

TEST_CASE("a child of the tests below answers until its input ends", "[.][transport-child]") {
  const char* way = std::getenv("LAGRANGE_TEST_WAY");
  REQUIRE(way != nullptr);
  party self(kind_of(way, options_of(way)));
  std::vector<frame> held;
  self.hears.reply_with([&](transport::link_id from, const frame& what) {
    if (what.kind == static_cast<std::uint16_t>(child_task::hold)) held.push_back(what);
    self.at->send(from, frame_of(what.kind, urgency::control));
  });
  const auto line = to_line(self.at->where());
  REQUIRE(::write(4, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
  pollfd ended{3, POLLIN, 0};
  ::poll(&ended, 1, -1);
}

TEST_CASE(
    "BP-1: a stopped peer holds its sender at the limit, with flat memory, and is then served",
    "[runtime][transport]") {
  for (const auto* way : ways) {
    INFO(way);
    transport_child child(way);
    party self(kind_of(way, options_of(way)));
    const auto link = self.at->connect(child.where()).value();
    const auto payload = random_bytes(1 << 20, 1);
    REQUIRE(self.at->send(link, task(child_task::acknowledge, {payload})) > 0);
    REQUIRE(self.hears.wait_for_frames(1));

    child.stop();
    std::size_t taken = 0;
    const auto push = [&] {
      const auto bytes = self.at->send(link, task(child_task::acknowledge, {payload}));
      taken += bytes > 0;
      return bytes > 0;
    };
    while (push()) REQUIRE(taken < 100);
    CHECK(taken * payload.size_bytes() <= 2 * credit_bytes);
    const auto before = resident_bytes();
    std::size_t later = 0;
    for (int i = 0; i < 20'000; ++i) later += push();
    CHECK(later == 0);
    CHECK(resident_bytes() < before + (32 << 20));
    // What is urgent and small passes, up to a limit of its own.
    CHECK(self.at->send(link, frame_of(1, urgency::control)) > 0);

    child.go_on();
    REQUIRE(self.hears.wait_for_frames(1 + taken + 1));
    CHECK(push());
    CHECK(self.hears.downs().empty());
  }
}

TEST_CASE("BP-1: control frames to a stopped peer are bounded too", "[runtime][transport]") {
  for (const auto* way : ways) {
    INFO(way);
    transport_child child(way);
    party self(kind_of(way, options_of(way)));
    const auto link = self.at->connect(child.where()).value();
    child.stop();
    auto large = frame_of(1, urgency::control);
    large.head.assign(frame::head_words_max, 1);
    std::size_t taken = 0;
    while (self.at->send(link, large) > 0) REQUIRE(++taken < 10'000);
    CHECK(taken * 32768 < (std::size_t{16} << 20)); // the queue, and what the kernel takes
    child.go_on();
    CHECK(self.hears.wait_for_frames(taken));
  }
}

TEST_CASE("a peer that is killed is gone at once, and leaves nothing", "[runtime][transport]") {
  for (const auto* way : ways) {
    INFO(way);
    party self(kind_of(way, options_of(way)));
    const holdings before;
    const auto names = names_in("/dev/shm");
    {
      transport_child child(way);
      const auto link = self.at->connect(child.where()).value();
      const auto payload = random_bytes(1 << 20, 1);
      for (int i = 0; i < 4; ++i)
        REQUIRE(self.at->send(link, task(child_task::hold, {payload})) > 0);
      REQUIRE(self.hears.wait_for_frames(4));
      self.at->send(link, task(child_task::hold, {payload})); // under way while it dies
      const auto killed = std::chrono::steady_clock::now();
      child.kill(SIGKILL);
      REQUIRE(self.hears.wait_for_downs(1));
      CHECK(std::chrono::steady_clock::now() - killed < std::chrono::seconds(2));
      CHECK(self.hears.downs().at(0).second.code == runtime::errc::peer_gone);
      CHECK(self.at->send(link, task(child_task::hold)) == 0);
    }
    CHECK(all_is_given_back(before));
    CHECK(names_in("/dev/shm") == names);
  }
}

TEST_CASE("a peer that is silent for too long has timed out, and only then",
          "[runtime][transport]") {
  for (const auto* way : ways) {
    INFO(way);
    auto options = options_of(way);
    options.heartbeat_every = std::chrono::milliseconds(20);
    options.silence_min = options.silence_max = std::chrono::milliseconds(700);
    party self(kind_of(way, options));
    transport_child child(way);
    const auto link = self.at->connect(child.where()).value();
    REQUIRE(self.at->send(link, task(child_task::acknowledge)) > 0);
    REQUIRE(self.hears.wait_for_frames(1));
    // Its heartbeats alone keep it, for longer than the silence that would end it.
    const auto idle = std::chrono::steady_clock::now();
    REQUIRE(comes_true(
        [&] { return std::chrono::steady_clock::now() - idle > std::chrono::milliseconds(1500); }));
    CHECK(self.hears.downs().empty());

    const auto stopped = std::chrono::steady_clock::now();
    child.stop();
    REQUIRE(self.hears.wait_for_downs(1));
    const auto took = std::chrono::steady_clock::now() - stopped;
    CHECK(took > std::chrono::milliseconds(500));
    CHECK(took < std::chrono::seconds(5));
    const auto why = self.hears.downs().at(0).second;
    CHECK(why.code == runtime::errc::timed_out);
    CHECK(why.text.find("silent for") != std::string::npos);
  }
}

} // namespace lagrange::tests
