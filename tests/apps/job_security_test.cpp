// Who may talk to a running job: real processes, and strangers who know where they listen.
#include "apps/token_file.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/socket_peer.hpp"
#include "tests/support/temporary_folder.hpp"

#include <sys/stat.h>

#include <csignal>

using namespace lagrange;
using nlohmann::json;
using runtime::transport::draw_token;
using runtime::transport::to_text;
using tests::nodes_of;
using tests::running_program;
using tests::temporary_folder;

namespace {

std::vector<std::string> job(const temporary_folder& folder, const std::string& epochs,
                             const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"run",       "--json",
                                 "--output",  folder.path().string(),
                                 "--set",     "model.name=softmax",
                                 "--set",     "data.format=synthetic",
                                 "--set",     "data.path=blobs:12000:16:4",
                                 "--set",     "data.batch=8",
                                 "--set",     "data.epochs=" + epochs,
                                 "--workers", "2",
                                 "--shards",  "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

bool all_run(const json& status) {
  for (const auto& row : status["actors"])
    if (row["state"] != "running") return false;
  return true;
}

std::string content(const std::filesystem::path& file) {
  std::ifstream from(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(from), {}};
}
std::filesystem::path entry(pid_t pid, const char* name) {
  return std::filesystem::path("/proc") / std::to_string(pid) / name;
}

/// The word after `flag` in the process's arguments.
std::string argument(pid_t pid, const std::string& flag) {
  const auto words = content(entry(pid, "cmdline"));
  const auto at = words.find(flag + '\0');
  return at == words.npos ? "" : std::string(words.c_str() + at + flag.size() + 1);
}

/// A job whose actors all run, and where its supervisor listens.
struct running_job {
  temporary_folder folder;
  running_program program;
  std::vector<pid_t> nodes;
  std::string where;

  explicit running_job(const std::string& epochs) : program(job(folder, epochs)) {
    REQUIRE(program.status_where(all_run).is_object());
    nodes = nodes_of(program.pid());
    REQUIRE(nodes.size() == 4);
    where = argument(nodes[0], "--join");
  }
  std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(where.substr(where.find(':') + 1)));
  }
};

std::vector<std::string> tls_keys(const runtime::transport::tls_files& files) {
  return {"--set", "security.tls=true",
          "--set", "security.certificate=" + files.certificate.string(),
          "--set", "security.key=" + files.key.string(),
          "--set", "security.authority=" + files.authority.string()};
}

} // namespace

TEST_CASE("a job's token stands in no argument, no environment and no file of the job",
          "[apps][process][security]") {
  running_job x("200");
  const auto token = runtime::transport::read_token(entry(x.nodes[0], "fd/0"));
  REQUIRE(token);
  const auto text = to_text(token.value());
  auto processes = x.nodes;
  processes.push_back(x.program.pid());
  for (const auto pid : processes)
    for (const auto* name : {"cmdline", "environ"})
      CHECK(content(entry(pid, name)).find(text) == std::string::npos);
  for (const auto& file : std::filesystem::recursive_directory_iterator(x.folder.path()))
    if (file.is_regular_file()) CHECK(content(file.path()).find(text) == std::string::npos);
  x.program.signal(SIGINT);
  x.program.wait();
  CHECK(x.program.output().find(text) == std::string::npos);
}

TEST_CASE("strangers at a job's port hear nothing, and the job does not notice",
          "[apps][process][security]") {
  running_job x("8");
  auto silent = tests::socket_peer::at(x.port());
  auto scanner = tests::socket_peer::at(x.port());
  scanner.say(std::vector<std::byte>(1000));
  CHECK(scanner.hear_out().empty());
  CHECK(x.program.wait().status == 0);
  CHECK(silent.hear_out().empty());
}

TEST_CASE("a node with the token of another job is turned away, and told why",
          "[apps][process][security]") {
  running_job x("200");
  const auto other = apps::hold_token(draw_token());
  const auto file = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(other.get());
  running_program stranger({"node", "--name", "worker-0", "--join", x.where, "--token-file", file});
  CHECK(stranger.wait().status == 1);
  CHECK(stranger.output().find("another token") != std::string::npos);
  x.program.signal(SIGINT);
  CHECK(x.program.wait().status == 130);
}

TEST_CASE("a job under TLS, with a token from a file, ends done", "[apps][process][security]") {
  const temporary_folder folder;
  const tests::authority authority(folder.path(), "authority");
  const auto token = folder.write("token", to_text(draw_token()) + "\n");
  ::chmod(token.c_str(), 0600);
  auto words = tls_keys(authority.issue("node"));
  words.push_back("--set");
  words.push_back("security.token_file=" + token);
  running_program program(job(folder, "2", words));
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
}

TEST_CASE("a job whose TLS cannot be is refused before it starts", "[apps][process][security]") {
  const temporary_folder folder;
  const tests::authority authority(folder.path(), "authority");
  running_program none(job(folder, "2", {"--set", "security.tls=true"}));
  CHECK(none.wait().status == 2);
  CHECK(none.output().find("security.certificate and security.key") != std::string::npos);
  running_program old(job(folder, "2", tls_keys(authority.issue("old", -1))));
  CHECK(old.wait().status == 2);
  CHECK(old.output().find("expired") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "fashion-lenet"));
}
