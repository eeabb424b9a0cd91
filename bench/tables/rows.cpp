#include "bench/tables/rows.hpp"

#include "ops/rows.hpp"
#include "runtime/wire.hpp"

#include <numeric>

namespace lagrange::bench {

using namespace runtime;

namespace {

stamp stamp_of(actor_role role) { return {{7}, {1}, {1}, {role, 0}, {1}}; }

std::vector<shard_table> tables_of(const std::vector<ops::parameter_spec>& specs,
                                   std::uint32_t shards) {
  const table_split split(specs, shards);
  std::vector<shard_table> made;
  for (const auto& table : split.tables()) {
    auto& own = made.emplace_back();
    own.shape = {table.tensor, split.rows_of(table, {0}), table.width};
    own.values.assign(static_cast<std::size_t>(own.shape.rows * own.shape.width), 0.01F);
    own.optimizer = ops::make_adagrad(own.values.size(), {.rate = 0.05F});
  }
  return made;
}

std::vector<ops::parameter_spec> specs_of(const table_bench& set) {
  const auto table = ops::parameter_spec::kind_type::table;
  return {{"a", {set.rows_a, set.width}, {}, table}, {"b", {set.rows_b, set.width}, {}, table}};
}

void step(shard_table& of, std::span<const std::int32_t> rows, std::span<const float> gradient) {
  const std::span positions(reinterpret_cast<const std::uint32_t*>(rows.data()), rows.size());
  of.optimizer->begin_step(1);
  of.optimizer->step_rows(0, of.values,
                          {positions, static_cast<std::size_t>(of.shape.width), gradient}, 1);
}

} // namespace

std::string table_bench::job_text() const {
  return "name = \"tables\"\ndata = {format = \"synthetic\", path = \"zipf-pairs:" +
         std::to_string(samples) + ":" + std::to_string(rows_a) + ":" + std::to_string(rows_b) +
         ":1.05\", batch = " + std::to_string(batch) +
         ", epochs = 1}\nmodel = {name = \"skipgram\", width = " + std::to_string(width) +
         "}\noptimizer = {name = \"adagrad\", rate = 0.05}\ntopology = {workers = 2, shards = " +
         std::to_string(shards) +
         "}\nstaleness = {policy = \"asp\"}\nevaluation = {target = \"none\"}\n";
}

table_setting::table_setting(const table_bench& set)
    : job(parse_job(set.job_text(), "the job", {}, rows).value()),
      facts(read_data_facts(job, rows).value()),
      data(open_data(job, rows, data_split::train).value()) {}

batch table_setting::batch_of(std::uint64_t lease) const {
  const auto first = lease * job.data.batch;
  std::vector<std::uint32_t> positions(std::min<std::size_t>(job.data.batch, data->size() - first));
  std::iota(positions.begin(), positions.end(), static_cast<std::uint32_t>(first));
  return data->gather(positions);
}

// ---- a shard ------------------------------------------------------------------------------------

shard_loop::shard_loop(const table_bench& set) : setting_(set) {
  const auto& [rows, job, facts, data] = setting_;
  shard_ = std::make_unique<shard>(make_shard(job, rows, facts, stamp_of(actor_role::shard)));
  const auto worker = make_worker(job, rows, facts, stamp_of(actor_role::worker));
  for (std::uint64_t lease = 0; lease < batches; ++lease) {
    const auto plan = worker.plan({.id = {lease}, .attempt = {1}}, setting_.batch_of(lease));
    wanted_.push_back(plan->wanted[0]);
    auto& gradient = gradients_.emplace_back(
        ops::dtype::f32, ops::shape{static_cast<std::int64_t>(wanted_.back().size()) * set.width});
    std::ranges::fill(gradient.values<float>(), 0.01F);
  }
}

std::size_t shard_loop::row_count() const {
  std::size_t sum = 0;
  for (const auto& each : wanted_) sum += each.size();
  return sum;
}

void shard_loop::run() {
  for (std::size_t i = 0; i < wanted_.size(); ++i, ++clock_) {
    pull_request pull{stamp_of(actor_role::worker), {clock_}, {}, {}, wanted_[i]};
    const auto asked = decode<pull_request>(encode(pull)).value();
    const auto pulled = shard_->on_pull(asked, {1}, {});
    const auto reply = decode<pull_reply>(encode(pulled.pulls.at(0).what)).value();
    gradient_push push;
    push.from = pull.from;
    push.clock = {clock_};
    push.what = {.id = {clock_}, .attempt = {1}};
    push.read = reply.version;
    push.samples = 1;
    push.rows = wanted_[i];
    push.row_gradient = gradients_[i];
    auto frame = std::make_shared<const gradient_push>(decode<gradient_push>(encode(push)).value());
    const auto pushed = shard_->on_push(std::move(frame), {1}, {});
    LAGRANGE_EXPECT(pushed.refused.empty(), "a push was refused");
    shard_->on_settlement_ack({pull.from, shard_->next_settlement().sequence});
  }
}

// ---- the same loops, bare -----------------------------------------------------------------------

bare_loop::bare_loop(const table_bench& set, const std::vector<table_rows>& rows)
    : rows_(rows), tables_(tables_of(specs_of(set), set.shards)) {}

void bare_loop::run() {
  for (const auto& wanted : rows_) {
    auto rest = wanted.rows.values<std::int32_t>();
    for (std::size_t table = 0; table < tables_.size(); ++table) {
      const auto rows = rest.first(wanted.counts[table]);
      rest = rest.subspan(rows.size());
      values_.resize(rows.size() * static_cast<std::size_t>(tables_[table].shape.width));
      ops::gather_rows(tables_[table].values, rows, values_);
      step(tables_[table], rows, values_);
    }
  }
}

// ---- a training without messages ----------------------------------------------------------------

training_loop::training_loop(const table_bench& set)
    : setting_(set), network_(make_network(setting_.job, setting_.rows, setting_.facts.input)),
      tables_(tables_of(specs_of(set), 1)) {}

void training_loop::run() {
  ops::touched_rows touched;
  std::vector<std::vector<float>> values(2), d_values(2);
  std::vector<ops::table_part> parts(2);
  count_ = 0;
  const auto leases =
      (setting_.data->size() + setting_.job.data.batch - 1) / setting_.job.data.batch;
  for (std::uint64_t lease = 0; lease < leases; ++lease) {
    const auto samples = setting_.batch_of(lease);
    network_->touch(samples.inputs, lease, touched);
    for (std::size_t table = 0; table < 2; ++table) {
      const auto width = static_cast<std::size_t>(tables_[table].shape.width);
      const auto rows = network_->rows_touched_max(table, touched.inputs.extents());
      values[table].resize(static_cast<std::size_t>(rows) * width);
      d_values[table].resize(values[table].size());
      parts[table] = {values[table], d_values[table]};
      ops::gather_rows(tables_[table].values, touched.rows[table],
                       std::span(values[table]).first(touched.rows[table].size() * width));
    }
    network_->train({.parameters = {},
                     .inputs = touched.inputs,
                     .labels = samples.labels.values<std::int32_t>(),
                     .d_parameters = {},
                     .key = lease,
                     .tables = parts});
    for (std::size_t table = 0; table < 2; ++table) {
      const auto width = static_cast<std::size_t>(tables_[table].shape.width);
      const auto& rows = touched.rows[table];
      step(tables_[table], rows, std::span(d_values[table]).first(rows.size() * width));
      count_ += rows.size();
    }
  }
}

} // namespace lagrange::bench
