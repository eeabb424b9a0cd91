// EN-1: however a job ends, nothing of it is left, its status says how, and its words say why.
#include "apps/control_socket.hpp"
#include "apps/left_behind.hpp"
#include "tests/support/running_program.hpp"
#include "tests/support/small_disk.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace lagrange;
using nlohmann::json;
using tests::row_of;
using tests::running_program;

namespace {

namespace fs = std::filesystem;

/// EN-1: so long after its end nothing may be left.
constexpr std::chrono::milliseconds gone_deadline{10'000};

std::vector<std::string> job(const fs::path& output, const std::string& epochs,
                             const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"run",       "--json",
                                 "--output",  output.string(),
                                 "--set",     "name=tested",
                                 "--set",     "model.name=count",
                                 "--set",     "data.format=synthetic",
                                 "--set",     "data.path=blobs:8000:4:2",
                                 "--set",     "data.batch=8",
                                 "--set",     "data.epochs=" + epochs,
                                 "--workers", "2"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

fs::path run_in(const fs::path& output) { return fs::directory_iterator(output)->path(); }

bool has_stepped(const json& status) {
  return row_of(status, "worker-0")["state"] == "running" && status["leases_closed"] > 0;
}

/// Of the program, which has ended so and has said that.
void check_end(running_program& program, const fs::path& output, int status,
               const std::string& words) {
  const auto end = program.wait(gone_deadline);
  INFO(program.output());
  CHECK(end == apps::process_end{program.pid(), status, 0});
  CHECK(program.output().find(words) != std::string::npos);
  const auto pid = program.pid();
  const auto left = apps::left_behind(run_in(output), {&pid, 1}, gone_deadline);
  CHECK(left == std::vector<std::string>{});
}

/// The program after a shell has prepared something, with the same process number.
running_program prepared(const std::string& shell, const std::vector<std::string>& words,
                         std::vector<std::string> before = {}) {
  auto all = std::move(before);
  all.insert(all.end(), {"-c", shell + " && exec \"$0\" \"$@\"", LAGRANGE_PROGRAM});
  all.insert(all.end(), words.begin(), words.end());
  return running_program(all, all.front() == "-c" ? "/bin/sh" : "/usr/bin/unshare");
}

} // namespace

TEST_CASE("EN-1: a job that is done leaves its results and nothing else", "[apps][process][ends]") {
  tests::temporary_folder folder;
  running_program program(job(folder.path(), "1"));
  check_end(program, folder.path(), 0, R"("outcome":"done")");
  CHECK(fs::exists(run_in(folder.path()) / "parameters.ckpt"));
}

TEST_CASE("EN-1: a job that fails names the cause and leaves nothing behind",
          "[apps][process][ends]") {
  tests::temporary_folder folder;
  running_program program(job(folder.path(), "1000", {"--set", "restart.intensity=0"}));
  const auto status = program.status_where(has_stepped);
  REQUIRE(status.is_object());
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGKILL) == 0);
  check_end(program, folder.path(), 1, "the job failed: worker-1 was killed (signal 9)");
}

TEST_CASE("EN-1: a second Ctrl-C ends a job at once, whatever it is doing",
          "[apps][process][ends]") {
  tests::temporary_folder folder;
  running_program program(job(folder.path(), "1000"));
  const auto status = program.status_where(has_stepped);
  REQUIRE(status.is_object());
  // So the orderly end takes until the shard counts as dead.
  REQUIRE(::kill(row_of(status, "shard-0")["pid"].get<pid_t>(), SIGSTOP) == 0);
  program.signal(SIGINT);
  while (const auto line = program.line())
    if (line->find("once more ends at once") != std::string::npos) break;
  program.signal(SIGINT);
  check_end(program, folder.path(), 130, "lagrange: ended at once");
}

TEST_CASE("EN-1: a supervisor that is killed leaves nothing when nobody follows",
          "[apps][process][ends]") {
  tests::temporary_folder folder;
  running_program program(job(folder.path(), "1000"));
  const auto status = program.status_where(has_stepped);
  REQUIRE(status.is_object());
  // Also one that could not end by itself.
  REQUIRE(::kill(row_of(status, "worker-1")["pid"].get<pid_t>(), SIGSTOP) == 0);
  program.signal(SIGKILL);
  CHECK(program.wait(gone_deadline).signal == SIGKILL);
  const auto pid = program.pid();
  // After its adoption window the last of its nodes clears up.
  CHECK(apps::left_behind(run_in(folder.path()), {&pid, 1}, gone_deadline) ==
        std::vector<std::string>{});
  CHECK_FALSE(apps::give_order(run_in(folder.path()), "status").has_value());
}

TEST_CASE("EN-1: a full disk ends a job with its cause named", "[apps][process][ends]") {
  const tests::small_disk disk("256k");
  if (!disk) {
    WARN("skipped: no right to mount a small disk: " << disk.why_not());
    return;
  }
  running_program program(job(disk.path(), "1000"));
  check_end(program, disk.path(), 1, "No space left on device");
  CHECK(program.output().find("the job failed: ") != std::string::npos);
}

TEST_CASE("EN-1: where not even a config fits, no run begins and no folder stays",
          "[apps][process][ends]") {
  const tests::small_disk disk("4k");
  if (!disk) {
    WARN("skipped: no right to mount a small disk: " << disk.why_not());
    return;
  }
  std::ofstream(disk.path() / "full") << std::string(4096, ' ');
  running_program program(job(disk.path() / "runs", "1"));
  const auto end = program.wait(gone_deadline);
  INFO(program.output());
  CHECK(end.status == 2);
  CHECK(program.output().find("No space left on device") != std::string::npos);
  CHECK(fs::is_empty(disk.path() / "runs"));
}

TEST_CASE("EN-1: a job that needs more open files than it may have is refused",
          "[apps][process][ends]") {
  tests::temporary_folder folder;
  const auto output = folder.path() / "runs";
  auto program = prepared("ulimit -n 40", job(output, "1"));
  const auto end = program.wait(gone_deadline);
  INFO(program.output());
  CHECK(end.status == 2);
  CHECK(program.output().find("and the limit is 40: raise it (ulimit -n 80)") != std::string::npos);
  CHECK_FALSE(fs::exists(output));
}

TEST_CASE("a job raises the limit of open files as far as it may", "[apps][process][ends]") {
  tests::temporary_folder folder;
  auto program = prepared("ulimit -S -n 40", job(folder.path(), "1"));
  check_end(program, folder.path(), 0, R"("outcome":"done")");
}

TEST_CASE("a job runs where /dev/shm is full: the memory that it shares has no name",
          "[apps][process][ends]") {
  if (const tests::small_disk may("4k"); !may) {
    WARN("skipped: no right to fill a /dev/shm: " << may.why_not());
    return;
  }
  tests::temporary_folder folder;
  auto program = prepared("mount -t tmpfs -o size=4k tmpfs /dev/shm && "
                          "head -c 4096 /dev/zero > /dev/shm/full",
                          job(folder.path(), "1", {"--transport", "shm"}), {"-m", "/bin/sh"});
  check_end(program, folder.path(), 0, R"("outcome":"done")");
}

TEST_CASE("EN-1: what cannot begin is refused, and makes no folder", "[apps][process][ends]") {
  tests::temporary_folder folder;
  const auto output = folder.path() / "runs";
  const auto file = folder.write("file", "");
  struct refusal {
    std::vector<std::string> words;
    std::string because;
  };
  for (const auto& [words, because] :
       {refusal{job(output, "1", {"--set", "data.format=idx", "--set", "data.path=/nowhere"}),
                "/nowhere is no folder"},
        refusal{job(file, "1"), "not a folder"}, refusal{job(file + "/runs", "1"), "cannot make"},
        refusal{job("/proc/nowhere", "1"), "cannot make the folder /proc/nowhere"}}) {
    running_program program(words);
    const auto end = program.wait(gone_deadline);
    INFO(program.output());
    CHECK(end.status == 2);
    CHECK(program.output().find(because) != std::string::npos);
  }
  CHECK_FALSE(fs::exists(output));
}
