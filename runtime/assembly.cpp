#include "runtime/assembly.hpp"

#include "ops/devices.hpp"
#include "ops/parallel.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/job_devices.hpp"
#include "runtime/job_model.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

policy_maker maker_of(const catalog& rows) {
  return [table = rows.policies](std::string_view spec) { return make_policy(table, spec); };
}

std::unique_ptr<staleness_policy> policy_of(const job& x, const catalog& rows) {
  return make_policy(rows.policies, x.staleness.policy).value();
}

/// Null where values travel as they are.
std::unique_ptr<codec> codec_of(const std::string& text, const catalog& rows) {
  auto made = make_codec(rows.codecs, text).value();
  return made->name() == "none" ? nullptr : std::move(made);
}

partition parts_of(const job& x, const catalog& rows, std::span<const ops::parameter_spec> specs) {
  const auto* optimizer = find_row(rows.optimizers, x.optimizer.name);
  LAGRANGE_EXPECT(optimizer != nullptr, "no optimizer " + x.optimizer.name);
  const bool needs_whole = optimizer->needs_whole_tensors && !x.staleness.is_local();
  return partition::balanced(specs, x.topology.shards,
                             needs_whole ? partition_grain::tensor : partition_grain::block);
}

rate_plan plan_of(const job& x, const catalog& rows, const data_facts& facts) {
  const auto epoch = static_cast<std::uint64_t>(facts.samples);
  return {make_schedule(rows.schedules, x.optimizer.schedule, epoch).value(),
          x.optimizer.warmup.samples(epoch)};
}

/// Of one that steps by itself.
local_options local_of(const job& x, const catalog& rows, const data_facts& facts,
                       std::span<const ops::parameter_spec> specs) {
  const auto* optimizer = find_row(rows.optimizers, x.optimizer.name);
  LAGRANGE_EXPECT(optimizer != nullptr, "no optimizer " + x.optimizer.name);
  const auto elements = static_cast<std::size_t>(ops::parameter_elements(specs));
  return {x.data.batch, optimizer->make(elements, x.optimizer.options), plan_of(x, rows, facts),
          make_outer(rows.outers, x.staleness.outer).value().elasticity};
}

/// What a shard takes steps with: of gradients, or of deltas.
std::unique_ptr<ops::optimizer> shard_optimizer(const job& x, const catalog& rows,
                                                std::size_t elements) {
  if (x.staleness.is_local())
    return make_outer(rows.outers, x.staleness.outer).value().make_optimizer(elements);
  return find_row(rows.optimizers, x.optimizer.name)->make(elements, x.optimizer.options);
}

/// A shard's rows of every table.
std::vector<shard_table> tables_of(const job& x, const catalog& rows,
                                   std::span<const ops::parameter_spec> specs, shard_id id) {
  const table_split split(specs, x.topology.shards);
  std::vector<shard_table> made;
  for (const auto& table : split.tables()) {
    auto& own = made.emplace_back();
    own.shape = {table.tensor, split.rows_of(table, id), table.width};
    const auto width = static_cast<std::size_t>(table.width);
    own.values.resize(static_cast<std::size_t>(own.shape.rows) * width);
    for (std::int64_t row = 0; row < own.shape.rows; ++row)
      ops::initialise(specs[table.tensor], x.seed, table.tensor,
                      split.global(id, row) * table.width,
                      std::span(own.values).subspan(static_cast<std::size_t>(row) * width, width));
    own.optimizer =
        find_row(rows.optimizers, x.optimizer.name)->make(own.values.size(), x.optimizer.options);
  }
  return made;
}

} // namespace

placement make_placement(const stamp& self, std::string job_text, const data_facts& facts) {
  const auto extents = facts.input.extents.extents();
  return {self,
          std::move(job_text),
          {extents.begin(), extents.end()},
          facts.input.classes,
          facts.input.kind,
          facts.input.fields,
          facts.samples,
          {},
          {}};
}

data_facts facts_of(const placement& x) {
  return {{ops::shape(std::span(x.extents)), x.classes, x.kind, x.fields}, x.samples};
}

data_facts facts_of(const dataset& training) {
  return {training.input(), static_cast<std::int64_t>(training.size())};
}

std::unique_ptr<ops::network> make_network(const job& x, const catalog& rows,
                                           const ops::model_input& input) {
  return make_model(x, rows, input);
}

result<std::unique_ptr<dataset>> open_data(const job& x, const catalog& rows, data_split split) {
  const auto* row = find_row(rows.data, x.data.format);
  LAGRANGE_EXPECT(row != nullptr, "no data format " + x.data.format);
  return row->open(x.data.path, split, x.data.options);
}

computation make_computation(const job& x, const catalog& rows, const data_facts& facts) {
  auto network = make_network(x, rows, facts.input);
  auto parts = parts_of(x, rows, network->parameters());
  computation made(std::move(network), std::move(parts), {codec_of(x.codec.pull, rows), nullptr});
  made.compute_in(precision_of(x));
  return made;
}

computation::memory make_memory(const job& x, const catalog& rows, const data_facts& facts,
                                const ops::network& network, const memory_keeper& keeper) {
  computation::memory made;
  if (x.staleness.is_local())
    made.local.emplace(local_of(x, rows, facts, network.parameters()), network.parameters());
  if (precision_of(x) == ops::dtype::f16) made.scale.emplace();
  const bool has_dense = ops::parameter_elements(network.parameters()) > 0;
  if (auto writes = has_dense ? codec_of(x.codec.push, rows) : nullptr) {
    const auto parts = parts_of(x, rows, network.parameters());
    encoder_options options;
    for (std::uint32_t shard = 0; shard < parts.shards(); ++shard)
      options.elements.push_back(static_cast<std::size_t>(parts.elements_of({shard})));
    const auto bytes = residual::bytes_for(options.elements);
    options.memory = keeper ? keeper(bytes) : fresh_memory(bytes);
    options.writes = std::move(writes);
    options.seed = x.seed;
    made.encoder = std::make_unique<push_encoder>(std::move(options));
  }
  return made;
}

computation make_computation(const job& x, const catalog& rows, const data_facts& facts,
                             const memory_keeper& keeper) {
  auto network = make_network(x, rows, facts.input);
  auto parts = parts_of(x, rows, network->parameters());
  auto memory = make_memory(x, rows, facts, *network, keeper);
  computation made(std::move(network), std::move(parts), {codec_of(x.codec.pull, rows), nullptr});
  made.clip_to(x.optimizer.clip_norm);
  made.compute_in(precision_of(x));
  made.draw_from(x.seed);
  made.exchange(memory);
  return made;
}

void use_device(computation& made, const job& x, const catalog& rows, std::uint32_t worker) {
  const auto where = device_of(x, worker);
  if (where.kind == ops::device::kind_type::cpu) return; // as it is already
  made.compute_on(ops::make_processor(where, rows.cuda_module));
}

shard_options make_shard(const job& x, const catalog& rows, const data_facts& facts,
                         const stamp& self) {
  const shard_id id{self.name.index};
  const auto network = make_network(x, rows, facts.input);
  const auto specs = network->parameters();
  const auto parts = parts_of(x, rows, specs);
  shard_options made;
  made.id = id;
  made.self = self;
  made.workers = x.topology.workers;
  made.places = x.topology.places();
  made.shards = x.topology.shards;
  auto& values = made.parameters.values;
  values.resize(static_cast<std::size_t>(parts.elements_of(id)));
  for (const auto& own : parts.blocks_of(id))
    ops::initialise(specs[own.tensor], x.seed, own.tensor, own.first,
                    std::span(values).subspan(static_cast<std::size_t>(own.place),
                                              static_cast<std::size_t>(own.elements)));
  for (const auto& own : parts.blocks_of(id))
    made.parameters.tensors.push_back({own.tensor, static_cast<std::size_t>(own.place),
                                       static_cast<std::size_t>(own.elements),
                                       specs[own.tensor].kind});
  made.policy = policy_of(x, rows);
  made.find_policy = maker_of(rows);
  if (x.staleness.weight != "none")
    made.parameters.weight = make_weight(rows.weights, x.staleness.weight).value();
  made.parameters.compensation =
      make_compensation(rows.compensations, x.staleness.compensation, values.size()).value();
  made.parameters.optimizer = shard_optimizer(x, rows, values.size());
  made.parameters.tables = tables_of(x, rows, specs, id);
  if (x.staleness.is_local())
    made.parameters.statistic_share = 1; // the steps went a part of their way each
  else
    made.parameters.rate = plan_of(x, rows, facts);
  made.parameters.seed = x.seed;
  // Workers and shards of one host share its cores; the bits do not depend on it.
  made.parameters.threads = std::max(
      1, ops::core_count() /
             static_cast<int>(x.topology.places() + x.topology.shards * (1 + x.topology.replicas)));
  made.parameters.push_codec = codec_of(x.codec.push, rows);
  made.parameters.pull_codec = codec_of(x.codec.pull, rows);
  made.parameters.sends_changed_blocks = x.topology.transport == "tcp";
  return made;
}

namespace {

dealing_rule rule_of(const staleness_policy& policy, std::uint32_t workers) {
  const bool has_rounds = policy.arrivals() == arrival::round;
  // Where clocks bound each other, or a round waits for all, others wait for the late one itself.
  const bool deals_overdue = has_rounds ? policy.quorum().has_value() : !policy.bound();
  return {has_rounds ? workers : 0, policy.quorum(), deals_overdue};
}

} // namespace

feeder_options make_feeder(const job& x, const catalog& rows, const data_facts& facts,
                           const stamp& self) {
  feeder_options made;
  made.self = self;
  made.samples = static_cast<std::uint64_t>(facts.samples);
  made.batch = x.data.batch;
  (x.staleness.dynamic_steps ? made.batches_max : made.batch) *= x.staleness.local_steps;
  made.epochs = x.data.epochs;
  made.seed = x.seed;
  made.workers = x.topology.workers;
  made.shards = x.topology.shards;
  made.batch_deaths = x.restart.batch_deaths;
  if (x.data.augment == "flip-crop") made.changes = augmentation::flip_crop;
  made.find_rule = [table = rows.policies, workers = made.workers](const std::string& spec) {
    return rule_of(*make_policy(table, spec).value(), workers);
  };
  made.rule = made.find_rule(x.staleness.policy);
  return made;
}

worker_options make_worker(const job& x, const catalog& rows, const data_facts& facts,
                           const stamp& self) {
  worker_options made;
  made.self = self;
  made.shards = x.topology.shards;
  made.compresses = x.codec.compress == "zstd";
  auto network = make_network(x, rows, facts.input);
  if (const table_split split(network->parameters(), x.topology.shards); !split.empty())
    made.plan = make_planner(std::move(network), split, x.seed);
  // One worker alone takes the steps of plain SGD, so it reads its own last write.
  const bool is_alone = x.topology.places() == 1;
  const auto policy = policy_of(x, rows);
  const bool has_rounds = policy->arrivals() == arrival::round;
  if (!is_alone && (has_rounds || policy->bound().value_or(1) >= 1))
    made.ahead = lookahead::one_step;
  return made;
}

namespace {

learning_settings learning_of(const job& x, const catalog& rows, const data_facts& facts) {
  const auto policy = policy_of(x, rows);
  learning_settings made;
  made.workers = x.topology.workers;
  made.policy = x.staleness.policy;
  made.bound = policy->bound();
  made.has_rounds = policy->arrivals() == arrival::round;
  if (x.staleness.weight != "none")
    made.weigh = [weight = std::shared_ptr<const staleness_weight>(
                      make_weight(rows.weights, x.staleness.weight).value())](
                     std::uint64_t staleness) { return weight->of(staleness); };
  made.compensation = x.staleness.compensation;
  made.local_steps = x.staleness.local_steps;
  made.is_local = x.staleness.is_local();
  made.precision = x.precision.compute;
  made.rate = x.optimizer.options.rate;
  made.clip_norm = x.optimizer.clip_norm;
  made.warmup_samples = x.optimizer.warmup.samples(static_cast<std::uint64_t>(facts.samples));
  if (facts.input.kind != ops::sample_kind::pairs) made.classes = facts.input.classes;
  if (facts.input.kind == ops::sample_kind::tokens) made.classes = facts.input.fields[0];
  return made;
}

} // namespace

restart_policy make_restarts(const job& x) {
  restart_rule all{x.restart.intensity, x.restart.period, x.restart.backoff,
                   restart_strategy_of(x.restart.strategy)};
  const auto rule_of = [&](const job::restart_override& own) {
    auto made = all;
    made.intensity = own.intensity.value_or(all.intensity);
    made.period = own.period.value_or(all.period);
    made.backoff = own.backoff.value_or(all.backoff);
    made.has_own_intensity = own.intensity.has_value();
    return made;
  };
  restart_policy made;
  made.worker = rule_of(x.restart.worker);
  made.worker.escalation = restart_escalation_of(x.restart.worker_escalation);
  made.shard = rule_of(x.restart.shard);
  made.feeder = rule_of(x.restart.feeder);
  return made;
}

supervisor_options make_supervisor(const job& x, const catalog& rows, const data_facts& facts,
                                   const stamp& self) {
  supervisor_options made;
  made.self = self;
  made.job.job = x.name;
  made.job.policy = x.staleness.policy;
  made.job.workers = x.topology.workers;
  made.job.shards = x.topology.shards;
  made.job.replicas = x.topology.replicas;
  made.job.seed = x.seed;
  made.job.epochs = x.data.epochs;
  made.job.leases = feeder(make_feeder(x, rows, facts, self)).leases();
  made.job.target = x.evaluation.target;
  made.job.push_codec = x.codec.push;
  made.job.pull_codec = x.codec.pull;
  made.job.injected = to_string(chaos_of(x));
  const auto network = make_network(x, rows, facts.input);
  for (const auto& spec : network->parameters()) made.job.tensors.push_back(spec.name);
  made.tables = table_split(network->parameters(), x.topology.shards);
  // A job's leases have so many ids, if the fastest worker computes them all.
  const auto lease_ids = x.staleness.dynamic_steps ? x.staleness.local_steps : 1;
  made.learning = learning_of(x, rows, facts);
  made.learning.leases = made.job.leases / lease_ids;
  made.learning.has_tables = !made.tables.empty();
  made.evaluate_every = x.evaluation.every;
  made.find_policy = maker_of(rows);
  made.switches = {x.staleness.switches, static_cast<std::uint64_t>(facts.samples),
                   made.job.leases / x.data.epochs / lease_ids};
  made.restart = make_restarts(x);
  made.workers_min = x.topology.min_workers;
  made.places = x.topology.places();
  made.silence.floor = x.restart.silence;
  made.steps.floor = x.restart.hang;
  made.cuts.every = x.checkpoint.every;
  made.cuts.shards = x.topology.shards;
  const bool has_dense = ops::parameter_elements(network->parameters()) > 0;
  if (has_dense && codec_of(x.codec.push, rows)) made.cuts.workers = x.topology.workers;
  return made;
}

plane_needs make_plane_needs(const job& x, const catalog& rows, const data_facts& facts) {
  constexpr std::uint64_t mebibyte = 1 << 20;
  const auto network = make_network(x, rows, facts.input);
  const auto parts = parts_of(x, rows, network->parameters());
  std::uint64_t shard_bytes = 0;
  for (std::uint32_t shard = 0; shard < parts.shards(); ++shard)
    shard_bytes = std::max(shard_bytes,
                           static_cast<std::uint64_t>(parts.elements_of({shard})) * sizeof(float));
  shard_bytes += row_bytes_max(*network, facts.input, x.data.batch);
  const auto batch_bytes = sample_bytes(facts.input) * x.data.batch * x.staleness.local_steps;
  plane_needs made;
  made.transport = x.topology.transport;
  // A worker holds the parameters it computes with, those of its next step, and those that come;
  // and a batch of each kind. A shard holds a push of which it waits for the rest.
  // A replica may have a push of every worker to catch up with.
  const auto pushes = 4 + std::uint64_t{x.topology.replicas} * x.topology.places();
  made.credit_bytes = std::max(8 * mebibyte, pushes * (shard_bytes + batch_bytes) + mebibyte);
  made.actors = x.topology.places() + x.topology.shards * (1 + x.topology.replicas) + 2;
  made.arena_bytes = std::max(1024 * mebibyte, made.actors * made.credit_bytes);
  return made;
}

std::vector<ops::tensor> assemble_values(const job& x, const catalog& rows, const data_facts& facts,
                                         const gathered_parameters& from) {
  const auto network = make_network(x, rows, facts.input);
  const auto flat = assemble_parameters(x, rows, facts, from.shards);
  std::vector<ops::tensor> made;
  std::size_t first = 0, count = 0, table = 0; // of those since the last table
  const auto end_run = [&] {
    if (count == 0) return;
    auto& run = made.emplace_back(ops::dtype::f32, ops::shape{static_cast<std::int64_t>(count)});
    std::ranges::copy(std::span(flat).subspan(first, count), run.values<float>().begin());
    first += std::exchange(count, 0);
  };
  for (const auto& spec : network->parameters()) {
    if (!spec.is_table()) {
      count += static_cast<std::size_t>(spec.extents.elements());
      continue;
    }
    end_run();
    made.push_back(from.tables.at(table++));
  }
  end_run();
  return made;
}

std::vector<float> assemble_parameters(const job& x, const catalog& rows, const data_facts& facts,
                                       std::span<const std::shared_ptr<const pull_reply>> replies) {
  const auto network = make_network(x, rows, facts.input);
  const auto parts = parts_of(x, rows, network->parameters());
  LAGRANGE_EXPECT(replies.size() == parts.shards(), std::to_string(replies.size()) + " replies");
  std::vector<float> flat(static_cast<std::size_t>(ops::parameter_elements(network->parameters())));
  for (std::uint32_t shard = 0; shard < parts.shards(); ++shard)
    parts.scatter({shard}, replies[shard]->parameters.values<float>(), flat);
  return flat;
}

} // namespace lagrange::runtime
