#include "ops/processor.hpp"
#include "runtime/job.hpp"
#include "runtime/job_chaos.hpp"
#include "runtime/job_devices.hpp"
#include "runtime/job_model.hpp"
#include "runtime/job_switch.hpp"
#include "runtime/job_units.hpp"
#include "runtime/shard_memory.hpp"
#include "runtime/table_split.hpp"
#include "runtime/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace lagrange::runtime {
namespace {

/// Refusals, a line each.
class refusals {
public:
  explicit refusals(const job& x) : job_(x) {}
  void add(std::string_view key, std::string_view text) {
    if (!text_.empty()) text_ += '\n';
    text_ += key_error(job_, key, text);
  }
  result<void> done() const {
    if (text_.empty()) return success();
    return failure(errc::bad_argument, text_);
  }

private:
  const job& job_;
  std::string text_;
};

/// Shards that anybody could start.
constexpr std::uint32_t shards_max = 1024;

/// What the tables of a model ask of the rest of the job.
void check_tables(const job& x, const data_facts& facts, const ops::network& network,
                  refusals& refused) {
  const table_split split(network.parameters(), x.topology.shards);
  if (split.empty()) return;
  if (split.tables().size() > wire_limits::tables_max)
    refused.add("model.name", fmt::format("the model has {} tables, expected at most {}",
                                          split.tables().size(), wire_limits::tables_max));
  const auto each = row_bytes_max(network, facts.input, 1);
  const auto dense = static_cast<std::uint64_t>(ops::parameter_elements(network.parameters())) * 4;
  const auto room =
      wire_limits::frame_bytes_max - std::min<std::uint64_t>(dense, wire_limits::frame_bytes_max);
  if (row_bytes_max(network, facts.input, x.data.batch) > room)
    refused.add("data.batch",
                fmt::format("a sample may touch {} bytes of rows, which come in one frame with all "
                            "other parameters, expected a batch of at most {}",
                            each,
                            std::max<std::uint64_t>(room / std::max<std::uint64_t>(each, 1), 1)));
}

/// What deltas and compensated gradients cannot be.
void check_staleness(const job& x, std::span<const ops::parameter_spec> specs, refusals& refused) {
  const bool has_tables = ops::table_elements(specs) > 0;
  const bool compensates = x.staleness.compensation != "none";
  if (x.staleness.is_local() && has_tables)
    refused.add(x.staleness.local_steps > 1 ? "staleness.local_steps" : "staleness.outer",
                fmt::format("a worker of model {} has only the rows of its batch, expected "
                            "local_steps = 1 and outer = \"average\"",
                            x.model.name));
  if (compensates && has_tables)
    refused.add("staleness.compensation",
                fmt::format("shards keep no copy of the rows that a worker of model {} read, "
                            "expected \"none\"",
                            x.model.name));
  if (compensates && x.staleness.is_local())
    refused.add("staleness.compensation", "corrects gradients, but after local steps deltas are "
                                          "pushed, expected \"none\"");
}

void check_policies(const job& x, const catalog& rows, refusals& refused) {
  if (const auto why = policy_problem(x.staleness.policy, x, rows); !why.empty())
    refused.add("staleness.policy", why);
  for (const auto& rule : x.staleness.switches)
    if (const auto why = policy_problem(rule.to, x, rows); !why.empty())
      refused.add("staleness.switch", fmt::format("to \"{}\": {}", rule.to, why));
}

void check_dynamic_steps(const job& x, refusals& refused) {
  if (!x.staleness.dynamic_steps) return;
  if (x.staleness.local_steps == 1)
    refused.add("staleness.dynamic_steps",
                "no lease has fewer batches than one, expected staleness.local_steps of at least "
                "2, the batches of the fastest worker");
}

void check_workers(const job& x, refusals& refused) {
  if (x.topology.min_workers > x.topology.workers)
    refused.add(
        "topology.min_workers",
        fmt::format("the job has only {} workers, expected at most that", x.topology.workers));
  if (x.topology.max_workers > 0 && x.topology.max_workers < x.topology.workers)
    refused.add("topology.max_workers",
                fmt::format("the job begins with {} workers, expected at least that, or 0 for as "
                            "many",
                            x.topology.workers));
}

void check_memory(const job& x, const catalog& rows, std::span<const ops::parameter_spec> specs,
                  refusals& refused) try {
  const auto& optimizer = *find_row(rows.optimizers, x.optimizer.name);
  if (x.topology.shard_memory == 0) return;
  const bool is_local = x.staleness.is_local();
  const auto two = is_local ? make_outer(rows.outers, x.staleness.outer).value().make_optimizer(2)
                            : optimizer.make(2, x.optimizer.options);
  const bool needs_whole = optimizer.needs_whole_tensors && !is_local;
  const auto stepped =
      stepped_by(specs, needs_whole ? partition_grain::tensor : partition_grain::block, *two);
  const auto needed = shard_bytes(stepped, x.topology.shards);
  if (needed <= x.topology.shard_memory) return;
  const auto least = least_shards(stepped, x.topology.shard_memory, shards_max);
  refused.add("topology.shard_memory",
              fmt::format("model {} with optimizer {} takes {} bytes on one of {} shards, expected "
                          "{}",
                          x.model.name, is_local ? x.staleness.outer : x.optimizer.name, needed,
                          x.topology.shards,
                          least ? fmt::format("topology.shards = {}", *least)
                                : fmt::format("at least that, because {} shards are not enough",
                                              shards_max)));
} catch (const std::invalid_argument&) {
  return; // check_optimizer tells
}

/// How many shards the parameters can be split among, and what each of them takes.
void check_shards(const job& x, const catalog& rows, std::span<const ops::parameter_spec> specs,
                  refusals& refused) {
  const auto* optimizer = find_row(rows.optimizers, x.optimizer.name);
  if (!optimizer) return; // check_optimizer tells
  const bool has_tables = ops::table_elements(specs) > 0;
  if (has_tables && optimizer->needs_whole_tensors)
    return refused.add("optimizer.name",
                       fmt::format("{} needs whole tensors, but the rows of model {}'s tables are "
                                   "stepped one by one, expected another optimizer",
                                   x.optimizer.name, x.model.name));
  const auto parameters = ops::parameter_elements(specs) + ops::table_elements(specs);
  if (x.topology.shards > static_cast<std::uint64_t>(parameters))
    return refused.add("topology.shards",
                       fmt::format("model {} has {} parameters, expected at most as many shards",
                                   x.model.name, parameters));
  const bool needs_whole = optimizer->needs_whole_tensors && !x.staleness.is_local();
  if (needs_whole && x.topology.shards > specs.size())
    return refused.add(
        "topology.shards",
        fmt::format("optimizer {} needs whole tensors, of which model {} has {}, expected "
                    "at most as many shards",
                    x.optimizer.name, x.model.name, specs.size()));
  check_memory(x, rows, specs, refused);
}

void check_model(const job& x, const data_facts& facts, const catalog& rows, refusals& refused) {
  const auto* row = find_row(rows.models, x.model.name);
  if (!row) return refused.add("model.name", "no such model, see lagrange list models");
  try {
    const auto network = make_model(x, rows, facts.input);
    check_shards(x, rows, network->parameters(), refused);
    check_tables(x, facts, *network, refused);
    check_staleness(x, network->parameters(), refused);
  } catch (const std::invalid_argument& unsuitable) {
    refused.add("model.name",
                fmt::format("{}does not suit samples of {} of shape {} in {} classes: {}",
                            x.model.layers.empty() ? "" : "model.layers, which is there instead, ",
                            ops::name(facts.input.kind), ops::to_string(facts.input.extents),
                            facts.input.classes, unsuitable.what()));
  }
}

void check_precision(const job& x, const data_facts& facts, const catalog& rows,
                     refusals& refused) {
  const auto* row = find_row(rows.models, x.model.name);
  std::unique_ptr<ops::network> network;
  try {
    if (row) network = make_model(x, rows, facts.input);
  } catch (const std::invalid_argument&) {
    return; // check_model tells
  }
  try {
    if (network) network->compute_in(precision_of(x));
  } catch (const std::invalid_argument& unable) {
    refused.add("precision.compute", unable.what());
  }
}

void check_devices(const job& x, const data_facts& facts, const catalog& rows, refusals& refused) {
  if (const auto why = devices_absence(x, rows); !why.empty())
    return refused.add("topology.devices", why);
  const auto* row = find_row(rows.models, x.model.name);
  if (!row || x.topology.devices == std::vector<std::string>{"cpu"}) return;
  try {
    make_model(x, rows, facts.input)->compute_on(ops::host_processor());
  } catch (const std::invalid_argument& unable) {
    refused.add("topology.devices", unable.what());
  }
}

void check_optimizer(const job& x, const catalog& rows, refusals& refused) {
  const auto* row = find_row(rows.optimizers, x.optimizer.name);
  if (!row) return refused.add("optimizer.name", "no such optimizer, see lagrange list optimizers");
  try {
    row->make(1, x.optimizer.options);
  } catch (const std::invalid_argument& wrong) {
    refused.add("optimizer.name", wrong.what());
  }
}

std::string described(const ops::model_input& x) {
  return fmt::format("{} of shape {} in {} classes", ops::name(x.kind), ops::to_string(x.extents),
                     x.classes);
}

bool is_image(const ops::model_input& x) {
  return x.kind == ops::sample_kind::numbers && x.extents.rank() == 3 && x.extents[0] > 1 &&
         x.extents[1] > 1;
}

/// Whether a model for the one can be tested with the other.
bool is_alike(const ops::model_input& train, const ops::model_input& test) {
  auto other = test;
  if (train.kind == ops::sample_kind::pairs && test.extents.rank() == 1 &&
      test.extents[0] >= train.extents[0])
    other.extents = train.extents; // the rest are rows to rank the true one against
  return other == train;
}

} // namespace

result<data_facts> read_data_facts(const job& x, const catalog& rows) {
  const auto* row = find_row(rows.data, x.data.format);
  if (!row)
    return failure(errc::bad_argument,
                   key_error(x, "data.format", "no such format, see lagrange list data"));
  const auto refuse = [&](const error& why) {
    return failure(why.code, key_error(x, "data.path", why.text));
  };
  const auto train = row->open(x.data.path, data_split::train, x.data.options);
  if (!train) return refuse(train.error());
  const auto test = row->open(x.data.path, data_split::test, x.data.options);
  if (!test) return refuse(test.error());
  const auto input = train.value()->input();
  if (const auto other = test.value()->input(); !is_alike(input, other))
    return refuse({errc::bad_file,
                   fmt::format("samples to train on are {}, those to test with {}; expected one "
                               "kind and shape: check that both are of one data set",
                               described(input), described(other))});
  return data_facts{input, static_cast<std::int64_t>(train.value()->size())};
}

ops::dtype precision_of(const job& x) {
  if (x.precision.compute == "bf16") return ops::dtype::bf16;
  return x.precision.compute == "f16" ? ops::dtype::f16 : ops::dtype::f32;
}

std::uint64_t sample_bytes(const ops::model_input& x) {
  const auto elements = static_cast<std::uint64_t>(x.extents.elements());
  return (elements + (x.kind == ops::sample_kind::tokens ? elements : 1)) * sizeof(float);
}

result<void> check_job(const job& x, const data_facts& facts, const catalog& rows) {
  refusals refused(x);
  if (x.data.batch > static_cast<std::uint64_t>(facts.samples))
    refused.add("data.batch", fmt::format("there are {} samples to train on, expected at most as "
                                          "many in a batch",
                                          facts.samples));
  if (const auto most = wire_limits::frame_bytes_max / sample_bytes(facts.input);
      x.data.batch > most)
    refused.add("data.batch", fmt::format("a sample takes {} bytes, expected a batch of at most {}",
                                          sample_bytes(facts.input), most));
  else if (x.staleness.local_steps > most / x.data.batch)
    refused.add("staleness.local_steps",
                fmt::format("a batch takes {} bytes, and a lease comes in one frame, expected at "
                            "most {}",
                            sample_bytes(facts.input) * x.data.batch, most / x.data.batch));
  if (x.data.augment != "none" && !is_image(facts.input))
    refused.add("data.augment",
                fmt::format("samples are {}, expected images", described(facts.input)));
  check_policies(x, rows, refused);
  check_model(x, facts, rows, refused);
  check_dynamic_steps(x, refused);
  check_workers(x, refused);
  if (x.precision.compute != "f32") check_precision(x, facts, rows, refused);
  check_devices(x, facts, rows, refused);
  if (const auto stray = find_stray_rule(x)) refused.add(stray->key, stray->text);
  check_optimizer(x, rows, refused);
  return refused.done();
}

} // namespace lagrange::runtime
