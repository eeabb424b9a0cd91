// Nodes that join a running job, and workers that are drained.
#include "apps/door.hpp"
#include "tests/support/elastic_job.hpp"

#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>

using namespace lagrange;
using namespace lagrange::tests;
using nlohmann::json;

namespace {

/// A port of this host where somebody listens that never says a word.
struct silent_port {
  silent_port() : socket(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(socket, reinterpret_cast<sockaddr*>(&at), sizeof at);
    ::listen(socket, 1);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
  }
  ~silent_port() { ::close(socket); }
  int socket;
  int port = 0;
};

void check_refused(const std::vector<std::string>& words, const std::vector<std::string>& texts) {
  const auto end = call(words);
  INFO(end.text);
  CHECK(end.status == 2);
  for (const auto& text : texts) CHECK_THAT(end.text, Catch::Contains(text));
}

} // namespace

TEST_CASE("LE-1 RE-1: a node joins a running job and is drained, and every lease counts once",
          "[apps][process][elastic]") {
  temporary_folder folder;
  running_program job(elastic_job(folder, 8000));
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-1", 5); }).is_object());
  const auto run = run_in(folder);
  running_program guest({"node", "--join", run.string()});
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-2", 5); }).is_object());
  const auto drained = call({"ctl", run.string(), "drain", "worker-2"});
  INFO(drained.text);
  CHECK(drained.status == 0);
  CHECK_THAT(drained.text, Catch::Contains("worker-2 has left, and its place is vacant"));
  const auto end = guest.wait();
  INFO(guest.output());
  CHECK(end.status == 0);
  CHECK_THAT(guest.output(), Catch::Contains("as worker-2, incarnation 1") &&
                                 Catch::Contains("worker-2 was drained"));
  // One that the supervisor has started goes likewise, and its place is taken by a node that joins.
  CHECK(call({"ctl", run.string(), "drain", "worker-0"}).status == 0);
  running_program other({"node", "--join", run.string()});
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-0", 5); }).is_object());
  CHECK(job.wait().status == 0);
  INFO(job.output());
  CHECK(other.wait().status == 0);
  CHECK_THAT(other.output(), Catch::Contains("as worker-0, incarnation 2") &&
                                 Catch::Contains("not needed any more: the job is over"));
  const auto figures = summary_in(folder);
  CHECK(figures["leases"]["applied"] == 8000);
  CHECK(figures["updates"] == 8000);
  CHECK(figures["leases"]["dealt_again"] == 0); // a drain costs nothing
  CHECK(figures["restarts"]["worker"] == 0);
  CHECK(figures["joined"] == json{"worker-2", "worker-0"});
  CHECK(figures["left"] == json{"worker-2", "worker-0"});
  CHECK(call({"audit", run.string()}).status == 0);
  CHECK(call({"replay", run.string()}).status == 0);
  check_refused({"node", "--join", run.string()}, {"takes no nodes: it is over"});
}

TEST_CASE("LE-1 EN-1: a node that joined and is killed is not started again, and the job ends well",
          "[apps][process][elastic]") {
  temporary_folder folder;
  running_program job(elastic_job(folder, 6000));
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-1", 5); }).is_object());
  const auto run = run_in(folder);
  running_program guest({"node", "--join", run.string()});
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-2", 5); }).is_object());
  guest.signal(SIGKILL);
  CHECK(job.status_where([](const json& x) { return row_of(x, "worker-2")["state"] == "vacant"; })
            .is_object());
  CHECK(job.wait().status == 0);
  INFO(job.output());
  CHECK_THAT(job.output(), Catch::Contains("it had joined, so nobody here starts it again"));
  const auto figures = summary_in(folder);
  CHECK(figures["leases"]["applied"] == 6000);
  CHECK(figures["updates"] == 6000);
}

TEST_CASE("EN-1: a node that joined ends when its supervisor is killed",
          "[apps][process][elastic]") {
  temporary_folder folder;
  running_program job(elastic_job(folder, 200'000));
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-1", 5); }).is_object());
  running_program guest({"node", "--join", run_in(folder).string()});
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-2", 5); }).is_object());
  job.signal(SIGKILL);
  CHECK(guest.wait(milliseconds(20'000)).status == 1);
  INFO(guest.output());
  CHECK_THAT(guest.output(),
             Catch::Contains("worker-2") &&
                 (Catch::Contains("goes on without it") || Catch::Contains("is cut off")));
}

TEST_CASE("a node that cannot join, and a drain that cannot be, are refused in words",
          "[apps][process][elastic]") {
  temporary_folder folder;
  running_program job(elastic_job(folder, 200'000));
  REQUIRE(job.status_where([](const json& x) { return has_steps(x, "worker-1", 5); }).is_object());
  const auto run = run_in(folder);
  const auto token = run / apps::token_name;
  struct stat found {};
  REQUIRE(::stat(token.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  const auto at = to_string(apps::find_door(run).value().at);
  CHECK_THAT(call({"ps", run.string()}).text, Catch::Contains("nodes may join at " + at));
  const auto wrong = folder.path() / "wrong";
  std::ofstream(wrong) << std::string(64, 'a') << "\n";
  std::filesystem::permissions(wrong, std::filesystem::perms::owner_read);
  const auto node = [&](const std::string& where, const std::filesystem::path& with) {
    return std::vector<std::string>{"node", "--join", where, "--token-file", with.string()};
  };
  check_refused(node("127.0.0.1:1", token), {"no job to join at 127.0.0.1:1", "lagrange ps"});
  check_refused(node(at, wrong), {"no job to join at " + at, "token"});
  check_refused(node(fmt::format("127.0.0.1:{}", silent_port().port), token), {"no job to join"});
  check_refused({"node", "--join", at}, {"--token-file is needed", "join.token"});
  check_refused({"node", "--join", "nowhere"}, {"expected HOST:PORT", "or a run's folder"});
  check_refused({"node", "--join", "/"}, {"/"});
  check_refused({"node", "--join", run.string(), "--life", "2"}, {"--life"});
  const std::vector<std::string> drain{"ctl", run.string(), "drain"};
  const auto refused = [&](const std::string& who, const std::string& text) {
    auto words = drain;
    words.push_back(who);
    check_refused(words, {text});
  };
  refused("worker-2", "there is no worker-2, expected one of worker-0, worker-1");
  refused("shard-0", "shard-0 is no worker");
  refused("worker", "expected one as in worker-2");
  check_refused(drain, {"drain needs one word more"});
  CHECK(call({"ctl", run.string(), "drain", "worker-1"}).status == 0);
  refused("worker-1", "there is no worker-1");
  refused("worker-0", "expected at least 1 (topology.min_workers)");
  running_program first(node(at, token)), second(node(at, token));
  REQUIRE(job.status_where([](const json& x) {
               return has_steps(x, "worker-1", 1) && has_steps(x, "worker-2", 1);
             })
              .is_object());
  check_refused(node(at, token), {"all 3 places for workers are taken", "topology.max_workers"});
  job.signal(SIGINT);
  CHECK(job.wait().status == 130);
  CHECK(first.wait().status == 0);
  CHECK(second.wait().status == 0);
}
