#include "apps/lagrange.hpp"

#include "apps/command_line.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

namespace {

/// What the machine refuses (descriptors, threads, memory), where nobody could go on without it.
int give_up(const std::exception& why) {
  std::cerr << "lagrange: " << why.what() << "\n";
  return 1;
}

} // namespace

int lagrange::main(int argc, char** argv, const runtime::catalog& rows) try {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  auto all = rows;
  // Nodes inherit it from the program that starts them.
  if (const char* module = std::getenv("LAGRANGE_CUDA_MODULE")) all.cuda_module = module;
  return command_line(words, all,
                      {run_job, run_node, replay_run, audit_run, compare_runs, simulate_job,
                       control_job, list_jobs, run_storm, run_join, stand_by},
                      {std::cout, std::cerr});
} catch (const std::exception& why) {
  return give_up(why);
}
