/// \file
/// From a job to the parts its actors are made of. Every process of a job assembles its own parts
/// from the same text, so that nothing but the text has to travel.
#pragma once

#include "runtime/catalog.hpp"
#include "runtime/collection.hpp"
#include "runtime/computation.hpp"
#include "runtime/feeder.hpp"
#include "runtime/job.hpp"
#include "runtime/shard.hpp"
#include "runtime/supervisor.hpp"
#include "runtime/term_start.hpp"
#include "runtime/transport/link_shape.hpp"

#include <memory>

namespace lagrange::runtime {

/// What an actor is told when it is placed.
struct placement {
  stamp self;                        ///< who it is to be
  std::string job_text;              ///< to_toml of the job
  std::vector<std::int64_t> extents; ///< with the next three: the facts of the data
  std::int64_t classes = 0;
  ops::sample_kind kind = ops::sample_kind::numbers;
  std::array<std::int64_t, 2> fields{};
  std::int64_t samples = 0; ///< of the training split
  cut_number cut{};         ///< the last one that was ordered before this life
  term_start start{};       ///< of this term
};

template <class Inspector>
auto inspect(Inspector& f, placement& x) {
  return f(x.self, x.job_text, x.extents, x.classes, x.kind, x.fields, x.samples, x.cut, x.start);
}

/// The placement of an actor of this job.
placement make_placement(const stamp& self, std::string job_text, const data_facts& facts);
data_facts facts_of(const placement& x);

/// The facts of an open training set.
data_facts facts_of(const dataset& training);

std::unique_ptr<ops::network> make_network(const job& x, const catalog& rows,
                                           const ops::model_input& input);
/// Opens the job's data. Errors: bad_file, as the format says.
result<std::unique_ptr<dataset>> open_data(const job& x, const catalog& rows, data_split split);

// Requires: a job that check_job has let pass with these facts.
computation make_computation(const job& x, const catalog& rows, const data_facts& facts);
/// One that also writes pushes by the job's codec; `keeper` is asked only if that leaves residuals.
/// Errors: throws device_error when what is kept is no residual of this job.
computation make_computation(const job& x, const catalog& rows, const data_facts& facts,
                             const memory_keeper& keeper);
/// What one worker's steps leave for its next ones, as that computation makes it for itself.
/// Errors: throws device_error when what is kept is no residual of this job.
computation::memory make_memory(const job& x, const catalog& rows, const data_facts& facts,
                                const ops::network& network, const memory_keeper& keeper);
/// Puts the computation of a worker on the device that the job deals to it.
/// Errors: throws device_error if that device is not to be had.
void use_device(computation& made, const job& x, const catalog& rows, std::uint32_t worker);
shard_options make_shard(const job& x, const catalog& rows, const data_facts& facts,
                         const stamp& self);
feeder_options make_feeder(const job& x, const catalog& rows, const data_facts& facts,
                           const stamp& self);
worker_options make_worker(const job& x, const catalog& rows, const data_facts& facts,
                           const stamp& self);
restart_policy make_restarts(const job& x);
supervisor_options make_supervisor(const job& x, const catalog& rows, const data_facts& facts,
                                   const stamp& self);

/// What a job's endpoints on the tensor plane have to bear.
struct plane_needs {
  std::string transport = "auto"; ///< as in topology.transport
  std::uint64_t credit_bytes = 0; ///< of a link, one way: BP-1
  std::uint64_t arena_bytes = 0;  ///< that one endpoint shares with peers of its host
  std::uint32_t actors = 0;       ///< of the whole job: who competes for cores
  transport::link_shape shape{};  ///< of the links of one actor; injected
  actor_name owner{};             ///< of the endpoint
};
plane_needs make_plane_needs(const job& x, const catalog& rows, const data_facts& facts);

/// Every parameter of a job, in the network's order: those between tables in one tensor, and each
/// table in its own, which is not copied. Shapes: f32 [N] together.
/// Requires: parameters with whole tables.
std::vector<ops::tensor> assemble_values(const job& x, const catalog& rows, const data_facts& facts,
                                         const gathered_parameters& from);

/// Every parameter but tables, in the network's order, from the snapshots of a job's shards.
/// Shapes: replies by shard -> [N].
std::vector<float> assemble_parameters(const job& x, const catalog& rows, const data_facts& facts,
                                       std::span<const std::shared_ptr<const pull_reply>> replies);

} // namespace lagrange::runtime
