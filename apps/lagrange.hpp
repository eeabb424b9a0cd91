/// \file
/// What a program written with lagrange includes. It gets the whole command line by handing its
/// catalog over, and runs in every process of its jobs:
///
///     #include <lagrange/lagrange.hpp>
///     int main(int argc, char** argv) {
///       auto rows = lagrange::runtime::catalog::standard();
///       rows.models.push_back({"mine", "my model", make_mine});
///       return lagrange::main(argc, argv, rows);
///     }
#pragma once

#include "ops/network.hpp"
#include "ops/tensor.hpp"
#include "runtime/catalog.hpp"
#include "runtime/error.hpp"

namespace lagrange {

/// Does what the command line says. Returns the exit status: 0 done, 1 the job failed, 2 refused
/// before it started, 130 interrupted.
int main(int argc, char** argv, const runtime::catalog& rows);

} // namespace lagrange
