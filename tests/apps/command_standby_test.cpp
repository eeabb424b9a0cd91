// The words of `standby`, and those of `node` that tell of supervisors to come.
#include "apps/command_line.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <optional>
#include <sstream>

using namespace lagrange;

namespace {

struct outcome {
  int status = -1;
  std::string err;
  std::optional<standby_order> standby;
  std::optional<run_options> run;
  std::optional<node_options> node;
};

outcome call(const std::vector<std::string>& words) {
  outcome x;
  const auto rows = runtime::catalog::standard();
  verb_functions verbs;
  verbs.standby = [&](const standby_order& order) {
    x.standby = order;
    return order.take_over();
  };
  verbs.run = [&](const run_options& options) {
    x.run = options;
    return 7;
  };
  verbs.node = [&](const node_options& options) {
    x.node = options;
    return 0;
  };
  std::ostringstream out, err;
  x.status = command_line(words, rows, verbs, {out, err});
  x.err = err.str();
  return x;
}

void check_refused(const outcome& x, const std::string& fragment) {
  CAPTURE(x.err);
  CHECK(x.status == 2);
  CHECK_FALSE(x.standby);
  CHECK_FALSE(x.node);
  CHECK(x.err.find("lagrange: ") == 0);
  CHECK(x.err.find(fragment) != std::string::npos);
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

} // namespace

TEST_CASE("a standby takes over by resuming the run, with what its config says",
          "[apps][command_line][adoption]") {
  tests::temporary_folder folder;
  write(folder.path() / "job.toml", "[model]\nname = \"count\"\n[data]\nformat = \"synthetic\"\n"
                                    "path = \"blobs:100:4:2\"\n[restart]\nsilence = \"2s\"\n");
  const auto run = folder.path().string();
  const auto x = call({"standby", run, "--quiet"});
  CAPTURE(x.err);
  CHECK(x.status == 7);
  REQUIRE(x.standby);
  CHECK(x.standby->run == run);
  CHECK(x.standby->silence == std::chrono::seconds(2));
  REQUIRE(x.run);
  CHECK(x.run->resume == run);
  CHECK(x.run->mode == output_mode::quiet);
}

TEST_CASE("a standby without a run to wait for is refused", "[apps][command_line][adoption]") {
  tests::temporary_folder folder;
  check_refused(call({"standby"}), "RUN");
  check_refused(call({"standby", (folder.path() / "none").string()}),
                "is no folder, expected that of a run");
  check_refused(call({"standby", folder.path().string()}), "has no job.toml");
  check_refused(call({"standby", folder.path().string(), "--json", "--quiet"}), "--json");
  write(folder.path() / "job.toml", "[model]\nname = \"count\"\n");
  write(folder.path() / "command-1", "pid 1\n");
  const auto run = folder.path().string();
  CHECK(stand_by({run, std::chrono::seconds(1), [] { return 0; }}) == 2); // nobody holds it
  write(folder.path() / "command-1", "pid 1\nover\n");
  CHECK(stand_by({run, std::chrono::seconds(1), [] { return 0; }}) == 2);
}

TEST_CASE("a node's words about supervisors to come are checked",
          "[apps][command_line][adoption]") {
  tests::temporary_folder folder;
  const auto token = folder.path() / "token";
  write(token, std::string(64, 'a') + "\n");
  std::filesystem::permissions(token, std::filesystem::perms::owner_read);
  const auto node = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"node",           "--name",       "worker-2",    "--join",
                                   "127.0.0.1:4711", "--token-file", token.string()};
    words.insert(words.end(), more.begin(), more.end());
    return call(words);
  };
  const auto x = node({"--run", "/runs/x", "--command", "3", "--adoption-window", "5000"});
  CAPTURE(x.err);
  REQUIRE(x.node);
  CHECK(x.node->run == "/runs/x");
  CHECK(x.node->command == runtime::command_number{3});
  CHECK(x.node->adoption_window == std::chrono::seconds(5));
  check_refused(node({"--command", "0"}), "--command");
  check_refused(node({"--adoption-window", "3600001"}), "--adoption-window");
  check_refused(node({"--adoption-window", "soon"}), "--adoption-window");
}
