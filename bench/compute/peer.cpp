#include "bench/compute/peer.hpp"

#include "ops/contract.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace lagrange::bench {

namespace {

[[noreturn]] void give_up(const std::string& why) { throw ops::device_error("compute: " + why); }

/// What the child runs until it is another program.
[[noreturn]] void become(const std::vector<std::string>& command, int output) {
  ::dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const auto& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

double number_behind(const std::string& text, const std::string& key) {
  const auto at = text.rfind('"' + key + "\": ");
  if (at == std::string::npos)
    give_up("PyTorch did not run. Install Debian's python3-torch and libopenblas0-openmp, and see "
            "what it says above");
  return std::strtod(text.c_str() + at + key.size() + 4, nullptr);
}

} // namespace

double run_process(const std::vector<std::string>& command, std::string& printed) {
  int ends[2];
  if (::pipe(ends) != 0) give_up("no pipe is to be had");
  const auto child = ::fork();
  if (child < 0) give_up("no process is to be had");
  if (child == 0) become(command, ends[1]);
  ::close(ends[1]);
  std::array<char, 4096> room;
  for (ssize_t count; (count = ::read(ends[0], room.data(), room.size())) != 0;) {
    if (count < 0 && errno != EINTR) break;
    if (count > 0) printed.append(room.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  rusage used{};
  int status = 0;
  while (::wait4(child, &status, 0, &used) < 0 && errno == EINTR) {
  }
  return static_cast<double>(used.ru_maxrss) * 1024;
}

process_rate run_torch(const std::string& folder, const std::vector<std::string>& arguments,
                       double seconds) {
  // The default BLAS of Debian's PyTorch is the reference one.
  std::vector<std::string> command{"env",
                                   "LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/openblas-openmp",
                                   "sh",
                                   folder + "/env.sh",
                                   "1",
                                   "/usr/bin/python3",
                                   folder + "/torch_step.py"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  for (const auto& each : {std::string("--threads"), std::string("1"), std::string("--reps"),
                           std::string("1"), std::string("--seconds"), fmt::format("{}", seconds)})
    command.push_back(each);
  std::string printed;
  const double resident_bytes = run_process(command, printed);
  return {number_behind(printed, "samples_per_s"), resident_bytes};
}

} // namespace lagrange::bench
