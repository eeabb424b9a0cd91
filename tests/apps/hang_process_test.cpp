// A thread that computes and is stopped in a process that lives: its worker still reports.
#include "tests/support/running_program.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <filesystem>
#include <sstream>
#include <thread>

using namespace lagrange;
using nlohmann::json;
using tests::row_of;
using tests::running_program;

namespace {

/// Clock ticks that a thread has computed.
unsigned long long time_of(const std::filesystem::path& thread) {
  std::ifstream file(thread / "stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto end = text.rfind(')'); // of its name, which may hold anything
  if (end == text.npos) return 0;
  std::istringstream rest(text.substr(end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) rest >> skipped;
  unsigned long long user = 0, system = 0;
  rest >> user >> system;
  return user + system;
}

/// The thread of a worker's process that has computed most.
pid_t busiest_thread(pid_t process) {
  pid_t found = 0;
  unsigned long long most = 0;
  for (const auto& each :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task"))
    if (const auto time = time_of(each.path()); time >= most) {
      most = time;
      found = std::stoi(each.path().filename().string());
    }
  return found;
}

/// Stops one thread of a process, and holds it until it is killed.
class held_thread {
public:
  explicit held_thread(pid_t thread)
      : is_held_(::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0 &&
                 ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0) {
    if (!is_held_) return;
    reaps_ = std::thread([thread] { // or the process that is killed would never be gone
      int status = 0;
      while (::waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status)) continue;
    });
  }
  ~held_thread() {
    if (reaps_.joinable()) reaps_.join();
  }
  held_thread(const held_thread&) = delete;
  held_thread& operator=(const held_thread&) = delete;
  bool is_held() const { return is_held_; }

private:
  bool is_held_;
  std::thread reaps_;
};

std::vector<std::string> job(const tests::temporary_folder& folder) {
  return {"run",       "--json",
          "--output",  folder.path().string(),
          "--policy",  "ssp:3",
          "--set",     "name=tested",
          "--set",     "model.name=mlp",
          "--set",     "data.format=synthetic",
          "--set",     "data.path=blobs:12000:16:4",
          "--set",     "data.batch=8",
          "--set",     "data.epochs=4",
          "--set",     "restart.hang=1s",
          "--workers", "3",
          "--summary", (folder.path() / "summary.json").string()};
}

} // namespace

TEST_CASE("CL-2 EN-1: a worker whose computation is stopped, and that still reports, is killed and "
          "replaced",
          "[apps][process]") {
  tests::temporary_folder folder;
  running_program program(job(folder));
  const auto status = program.status_where([](const json& seen) {
    const auto row = row_of(seen, "worker-1");
    return row["state"] == "running" && row["clock"].is_number() && row["clock"] >= 100;
  });
  REQUIRE(status.is_object());
  const held_thread held(busiest_thread(row_of(status, "worker-1")["pid"].get<pid_t>()));
  if (!held.is_held()) {
    WARN("SKIPPED: no right to stop a thread (ptrace)");
    return;
  }
  const auto end = program.wait();
  INFO(program.output());
  CHECK(end.status == 0);
  CHECK(program.output().find("worker-1 hung: lease ") != std::string::npos);
  CHECK(program.output().find("as incarnation 2; 0 lost") != std::string::npos);
  std::ifstream file(folder.path() / "summary.json");
  const auto summary = json::parse(file, nullptr, false);
  REQUIRE(summary.is_object());
  CHECK(summary["outcome"] == "done");
  CHECK(summary["leases"]["applied"] == 6000);
  CHECK(summary["leases"]["set_aside"] == 0);
  CHECK(summary["leases"]["lost"] == 0);
  CHECK(summary["leases"]["duplicated"] == 0);
  CHECK(summary["restarts"]["worker"] == 1);
}
