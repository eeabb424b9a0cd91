#include "apps/lagrange.hpp"

#include "apps/command_line.hpp"

#include <iostream>

int lagrange::main(int argc, char** argv, const runtime::catalog& rows) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return command_line(words, rows, {run_job, run_node, replay_run, audit_run},
                      {std::cout, std::cerr});
}
