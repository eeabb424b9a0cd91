/// \file
/// A scenario as a job: what is trained in simulation, and on what.
#pragma once

#include "simulation.hpp"

#include "runtime/catalog.hpp"
#include "runtime/job.hpp"

#include <vector>

namespace lagrange::sim {

runtime::job job_of(const scenario& chosen, const runtime::catalog& known);
/// One after the other.
std::vector<float> flat(const std::vector<ops::tensor>& values);

} // namespace lagrange::sim
