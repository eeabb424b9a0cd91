#include "apps/lagrange.hpp"

#include "apps/command_line.hpp"

#include <cstdlib>
#include <iostream>

int lagrange::main(int argc, char** argv, const runtime::catalog& rows) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  auto all = rows;
  // Nodes inherit it from the program that starts them.
  if (const char* module = std::getenv("LAGRANGE_CUDA_MODULE")) all.cuda_module = module;
  return command_line(
      words, all,
      {run_job, run_node, replay_run, audit_run, compare_runs, simulate_job, control_job},
      {std::cout, std::cerr});
}
