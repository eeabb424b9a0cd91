#include "apps/command_line.hpp"

#include "apps/jobs/default_job.hpp"
#include "apps/token_file.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <unistd.h>

using namespace lagrange;
using runtime::catalog;

namespace {

struct outcome {
  int status = -1;
  std::string out, err;
  std::optional<run_options> run;
  std::optional<node_options> node;
  std::optional<replay_order> replay;
  std::optional<audit_order> audit;
  std::optional<compare_order> compare;
  std::optional<run_options> simulate;
};

/// A token file for calls of `node`.
const apps::descriptor token = apps::hold_token(runtime::transport::draw_token());
const std::string token_file = "/proc/self/fd/" + std::to_string(token.get());

outcome call(const std::vector<std::string>& words, int verb_status = 0) {
  outcome x;
  const auto rows = catalog::standard();
  const verb_functions verbs{[&](const run_options& options) {
                               x.run = options;
                               return verb_status;
                             },
                             [&](const node_options& options) {
                               x.node = options;
                               return verb_status;
                             },
                             [&](const replay_order& order) {
                               x.replay = order;
                               return verb_status;
                             },
                             [&](const audit_order& order) {
                               x.audit = order;
                               return verb_status;
                             },
                             [&](const compare_order& order) {
                               x.compare = order;
                               return verb_status;
                             },
                             [&](const simulate_order& order) {
                               x.simulate = order.job;
                               return verb_status;
                             },
                             {}};
  std::ostringstream out, err;
  x.status = command_line(words, rows, verbs, {out, err});
  x.out = out.str();
  x.err = err.str();
  return x;
}

/// `node` with all that it needs, but for what is said.
outcome call_node(std::vector<std::string> words) {
  words.insert(words.begin(), {"node", "--token-file", token_file});
  return call(words);
}

/// `run` on data that is made on the spot.
outcome call_run(std::vector<std::string> words) {
  words.insert(words.begin(), {"run", "--set", "data.format=synthetic", "--set",
                               "data.path=blobs:1000:8:3", "--set", "model.name=mlp"});
  return call(words);
}

void check_refused(const outcome& x, const std::vector<std::string>& fragments) {
  CAPTURE(x.err);
  CHECK(x.status == 2);
  CHECK_FALSE(x.run);
  CHECK_FALSE(x.node);
  CHECK(x.out.empty());
  std::istringstream lines(x.err);
  for (std::string line; std::getline(lines, line);) CHECK(line.find("lagrange: ") == 0);
  for (const auto& fragment : fragments) CHECK(x.err.find(fragment) != std::string::npos);
}

/// A folder of its own that is gone at the end.
struct scratch_folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("lagrange-command-line-" + std::to_string(getpid()));
  scratch_folder() { std::filesystem::create_directories(path); }
  ~scratch_folder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
};

} // namespace

TEST_CASE("without words, and with --help, the verbs are told", "[apps][command_line]") {
  for (const auto& words : std::vector<std::vector<std::string>>{{}, {"--help"}, {"help"}}) {
    const auto x = call(words);
    CHECK(x.status == 0);
    for (const std::string verb : {"  run ", "  list ", "  node "})
      CHECK(x.out.find(verb) != std::string::npos);
  }
  CHECK(call({"--version"}).out.find("lagrange ") == 0);
}

TEST_CASE("an unknown verb is refused with the nearest one", "[apps][command_line]") {
  check_refused(call({"rnu"}),
                {"no verb rnu",
                 "run, simulate, list, replay, audit, check-policy, compare, ctl, ps, chaos, "
                 "standby, node",
                 "did you mean \"run\"?"});
  check_refused(call({"dashboard"}), {"no verb dashboard"});
  check_refused(call({"--verbose"}), {"no verb --verbose"});
}

TEST_CASE("run takes the built-in job and flags over it", "[apps][command_line]") {
  const auto x = call_run({"--policy", "bsp", "--workers", "3", "--shards=1", "--seed", "9",
                           "--output", "2024", "--in-process", "--plain", "--summary", "s.json"});
  CAPTURE(x.err);
  REQUIRE(x.run);
  CHECK(x.run->job.staleness.policy == "bsp");
  CHECK(x.run->job.topology.workers == 3);
  CHECK(x.run->job.topology.shards == 1);
  CHECK(x.run->job.seed == 9);
  CHECK(x.run->job.output.dir == "2024");
  CHECK(x.run->where == hosting::in_process);
  CHECK(x.run->mode == output_mode::plain);
  CHECK(x.run->summary_file == "s.json");
  CHECK(x.run->catalog != nullptr);
  const auto again = runtime::parse_job(x.run->job_text, "text", {}, catalog::standard());
  REQUIRE(again);
  CHECK(again.value() == x.run->job);
}

TEST_CASE("run is live and in processes unless it is told otherwise", "[apps][command_line]") {
  const auto x = call_run({});
  CAPTURE(x.err);
  REQUIRE(x.run);
  CHECK(x.run->where == hosting::processes);
  CHECK(x.run->mode == output_mode::live);
  CHECK(x.run->summary_file.empty());
  CHECK(call_run({"--json"}).run->mode == output_mode::json);
  CHECK(call_run({"--quiet"}).run->mode == output_mode::quiet);
}

TEST_CASE("the exit status is the verb's", "[apps][command_line]") {
  for (const int status : {0, 1, 130})
    CHECK(call({"node", "--name", "worker-0", "--join", "localhost:1", "--token-file", token_file},
               status)
              .status == status);
}

TEST_CASE("a flag counts over --set, --set over the file", "[apps][command_line]") {
  const scratch_folder folder;
  const auto file =
      folder.write("job.toml", "seed = 1\nname = \"mine\"\n[topology]\nworkers = 2\n");
  const auto x = call(
      {"run", file, "--seed", "3", "--set", "seed=2", "--set", "data.batch=8", "--print-config"});
  CAPTURE(x.err);
  REQUIRE(x.status == 0);
  const auto printed = runtime::parse_job(x.out, "printed", {}, catalog::standard());
  REQUIRE(printed);
  CHECK(printed.value().seed == 3);
  CHECK(printed.value().name == "mine");
  CHECK(printed.value().data.batch == 8);
  CHECK(printed.value().topology.workers == 2);
}

TEST_CASE("--print-config prints the whole built-in job and runs nothing", "[apps][command_line]") {
  const auto x = call({"run", "--print-config"});
  CHECK(x.status == 0);
  CHECK_FALSE(x.run);
  CHECK(x.out == runtime::to_toml(runtime::job{}));
  CHECK(std::string(default_job()).ends_with(x.out));
}

TEST_CASE("what cannot be run is refused before anything starts", "[apps][command_line]") {
  const scratch_folder folder;
  const auto bad = folder.write("bad.toml", "[data]\nbatch = 0\nepoch = 1\n");
  check_refused(call({"run", bad}), {bad + ":2: data.batch = 0", bad + ":3: unknown key data.epoch",
                                     "did you mean \"data.epochs\"?"});
  check_refused(call({"run", "no/such.toml"}), {"no/such.toml: no such file", "--print-config"});
  check_refused(call({"run", folder.path.string()}), {"not a file"});
  const auto large = folder.write("large.toml", std::string((1 << 20) + 1, '#'));
  check_refused(call({"run", large}), {"larger than 1 MiB"});
  check_refused(call({"run", "--set", "data.path=/no/such", "--set", "data.epochs=3"}),
                {"data.path = \"/no/such\"", "/no/such is no folder"});
  check_refused(call_run({"--set", "data.batch=1001"}), {"data.batch = 1001", "1000 samples"});
  check_refused(call_run({"--set", "model.name=lenet"}), {"model.name = \"lenet\"", "12x12"});
  check_refused(call_run({"--set", "model.name=softmax", "--shards", "28"}),
                {"topology.shards = 28", "27 parameters"});
  check_refused(call_run({"--summary", "no/such/folder/s.json"}), {"no folder no/such/folder"});
  check_refused(call_run({"--output", bad}), {"output.dir", "not a folder"});
}

TEST_CASE("flags that make no sense are refused", "[apps][command_line]") {
  check_refused(call({"run", "--polcy", "bsp"}), {"--polcy", "did you mean --policy?"});
  check_refused(call({"run", "a.toml", "b.toml"}), {"b.toml is no option of run"});
  check_refused(call({"run", "--plain", "--json"}), {"--json"});
  check_refused(call({"run", "--workers"}), {"--workers"});
  check_refused(call({"run", "--set"}), {"--set"});
  check_refused(call({"run", "--set", "x"}), {"(x): expected KEY=VALUE"});
  check_refused(call({"run", "--seed", "-1"}), {"seed = -1", "whole number"});
  check_refused(call({"run", "--workers", "four"}), {"topology.workers = \"four\""});
  check_refused(call({"run", "--policy", "ssp:-1"}), {"ssp:-1", "whole number"});
  check_refused(call({"run", "--output", ""}), {"output.dir = \"\"", "a path"});
}

TEST_CASE("run --help names every flag and every key", "[apps][command_line]") {
  const auto x = call({"run", "--help"});
  CHECK(x.status == 0);
  for (const auto& row : runtime::job_keys(catalog::standard())) {
    CAPTURE(row.key);
    CHECK(x.out.find("  " + row.key + " ") != std::string::npos);
  }
  for (const std::string flag :
       {"--set", "--policy", "--workers", "--shards", "--seed", "--output", "--in-process",
        "--summary", "--print-config", "--plain", "--json", "--quiet"})
    CHECK(x.out.find(flag) != std::string::npos);
}

TEST_CASE("node reads its name, its supervisor and its incarnation", "[apps][command_line]") {
  const auto x = call_node({"--name", "shard-1", "--join", "10.0.0.1:4242", "--life", "3",
                            "--supervisor-pid", "77", "--listen", "0.0.0.0"});
  CAPTURE(x.err);
  REQUIRE(x.node);
  CHECK(x.node->name == runtime::actor_name{runtime::actor_role::shard, 1});
  CHECK(x.node->join_host == "10.0.0.1");
  CHECK(x.node->join_port == 4242);
  CHECK(x.node->life == runtime::incarnation{3});
  CHECK(x.node->supervisor_pid == 77);
  CHECK(x.node->listen == "0.0.0.0");
  CHECK(x.node->security.token == runtime::transport::read_token(token_file).value());
  CHECK_FALSE(x.node->security.tls);
  CHECK(call_node({"--name", "worker-0", "--join", "h:1"}).node->listen == "127.0.0.1");
}

TEST_CASE("a node that cannot be is refused", "[apps][command_line]") {
  check_refused(call({"node"}), {"--join"});
  check_refused(call_node({"--name", "worker-0"}), {"--join"});
  for (const std::string name : {"worker", "worker-", "worker-x", "worker--1", "pilot-0", ""})
    check_refused(call_node({"--name", name, "--join", "h:1"}), {"--name", "worker-2"});
  for (const std::string join : {"h", "h:", ":1", "h:0", "h:65536", "h:1x"})
    check_refused(call_node({"--name", "worker-0", "--join", join}), {"--join", "HOST:PORT"});
  check_refused(call_node({"--name", "worker-0", "--join", "h:1", "--life", "0"}), {"--life"});
}

TEST_CASE("a node without a token, or with half of TLS, is refused", "[apps][command_line]") {
  check_refused(call({"node", "--name", "worker-0", "--join", "h:1"}), {"--token-file"});
  check_refused(call({"node", "--name", "worker-0", "--join", "h:1", "--token-file", "/dev/null"}),
                {"/dev/null: not a file"});
  check_refused(call_node({"--name", "worker-0", "--join", "h:1", "--certificate", "a.pem"}),
                {"--certificate requires --key"});
  check_refused(call_node({"--name", "worker-0", "--join", "h:1", "--certificate", "a.pem", "--key",
                           "a.key", "--authority", "b.pem"}),
                {"a.pem: No such file"});
}

TEST_CASE("injected times are flags that may be repeated", "[apps][command_line]") {
  const auto x = call_run({"--slow", "worker-1:5x", "--slow", "worker-*:2x", "--jitter",
                           "lognormal:0.5", "--link", "shard-0:50ms,100Mbit"});
  CAPTURE(x.err);
  REQUIRE(x.run);
  CHECK(x.run->job.chaos.slow == std::vector<std::string>{"worker-1:5x", "worker-*:2x"});
  CHECK(x.run->job.chaos.jitter == "lognormal:0.5");
  CHECK(x.run->job.chaos.link == std::vector<std::string>{"shard-0:50ms,100Mbit"});
  CHECK(call_run({"--set", "chaos.slow=worker-1:5x"}).run->job.chaos.slow.size() == 1);
  check_refused(call_run({"--slow", "worker-1"}), {"chaos.slow", "worker-2:5x"});
  check_refused(call_run({"--slow", "worker-7:5x"}),
                {"chaos.slow", "there is no worker-7", "worker-0 to worker-3 or worker-*"});
  check_refused(call_run({"--link", "feeder-1:5ms"}), {"chaos.link", "there is no feeder-1"});
}

TEST_CASE("compare reads the runs and the page", "[apps][command_line]") {
  const auto x = call({"compare", "runs/a", "runs/b", "--html", "page.html", "--json"});
  REQUIRE(x.compare);
  CHECK(x.compare->runs == std::vector<std::string>{"runs/a", "runs/b"});
  CHECK(x.compare->page == "page.html");
  CHECK(x.compare->is_json);
  check_refused(call({"compare"}), {"RUN"});
  check_refused(call({"compare", "runs/a", "--html", ""}), {"--html"});
  check_refused(call({"compare", "runs/a", "--htm"}), {"--htm"});
}

TEST_CASE("replay and audit read the run, the update and the worker", "[apps][command_line]") {
  const auto x =
      call({"replay", "runs/a", "--until", "update=7", "--without", "worker=2", "--json"});
  CAPTURE(x.err);
  REQUIRE(x.replay);
  CHECK(x.replay->run == "runs/a");
  CHECK(x.replay->until == 7);
  CHECK(x.replay->without == 2);
  CHECK(x.replay->is_json);
  REQUIRE(call({"audit", "runs/a"}).audit);
  CHECK(call({"audit", "runs/a"}, 1).status == 1);
  check_refused(call({"replay"}), {"RUN"});
  check_refused(call({"audit"}), {"RUN"});
  for (const std::string until : {"7", "update=", "update=x", "update=-1", "worker=1"})
    check_refused(call({"replay", "r", "--until", until}), {"--until", "update=1000"});
  check_refused(call({"replay", "r", "--without", "2"}), {"--without", "worker=2"});
}

TEST_CASE("simulate refuses what has no place in a simulation", "[apps][command_line]") {
  const auto simulated = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"simulate", "--set", "data.format=synthetic", "--set",
                                 "data.path=blobs:1000:8:3", "--set", "model.name=mlp"});
    return call(words);
  };
  CHECK(simulated({"--workers", "5000"}).simulate->job.topology.workers == 5000);
  CHECK_FALSE(call_run({"--workers", "1024"}).status);
  check_refused(call_run({"--workers", "1025"}),
                {"topology.workers = 1025", "at most 1024", "lagrange simulate takes more"});
  check_refused(simulated({"--transport", "tcp"}),
                {"topology.transport = \"tcp\"", "expected \"auto\""});
  check_refused(simulated({"--set", "topology.devices=[\"cpu\", \"cuda:0\"]"}),
                {"topology.devices", "expected [\"cpu\"]"});
  check_refused(simulated({"--workers", "100001"}), {"topology.workers = 100001", "to 100000"});
  check_refused(simulated({"--in-process"}), {"--in-process is no option of simulate"});
}
