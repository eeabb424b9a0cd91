/// \file
/// A whole job of twins with tables, put together as its processes would be: messages go from one
/// to the other at once and in order, and real numbers are computed.
#pragma once

#include "runtime/assembly.hpp"
#include "runtime/collection.hpp"
#include "tests/support/builders.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <functional>

namespace lagrange::tests {

class table_job {
public:
  explicit table_job(const std::string& text)
      : job_(runtime::parse_job(text, "the job", {}, rows_).value()),
        facts_(runtime::read_data_facts(job_, rows_).value()),
        data_(runtime::open_data(job_, rows_, runtime::data_split::train).value()),
        feeder_(runtime::make_feeder(job_, rows_, facts_, stamp_of(runtime::actor_role::feeder))),
        network_(runtime::make_network(job_, rows_, facts_.input)) {
    REQUIRE(runtime::check_job(job_, facts_, rows_));
    for (std::uint32_t i = 0; i < job_.topology.shards; ++i)
      shards_.emplace_back(
          runtime::make_shard(job_, rows_, facts_, stamp_of(runtime::actor_role::shard, i)));
    for (std::uint32_t i = 0; i < job_.topology.workers; ++i) {
      workers_.emplace_back(runtime::make_worker(job_, rows_, facts_, worker_stamp(i)));
      computations_.push_back(runtime::make_computation(job_, rows_, facts_, {}));
    }
  }

  /// Until every lease is closed, or so many messages have been delivered.
  void run(std::size_t messages_max = 1'000'000) {
    for (std::uint32_t i = 0; i < workers_.size(); ++i) carry_out(i, workers_[i].start({}));
    for (std::size_t i = 0; i < messages_max && !messages_.empty(); ++i) {
      const auto deliver = std::move(messages_.front());
      messages_.pop_front();
      deliver();
    }
    if (messages_.empty()) REQUIRE(feeder_.is_finished());
  }

  /// All that the shards hold.
  runtime::gathered_parameters collect(std::size_t piece_bytes = 64) {
    const runtime::table_split split(network_->parameters(), job_.topology.shards);
    runtime::collection_options options{feeder_.self(), 1,
                                        std::make_shared<runtime::wanted_rows>()};
    options.piece_bytes = piece_bytes;
    runtime::collection twin(std::move(options), split);
    auto open = twin.start({});
    while (!open.empty()) {
      const auto [shard, request] = open.back();
      open.pop_back();
      const auto more =
          twin.on_reply(shard, shards_[shard.value].on_snapshot(request).value(), {}).value();
      open.insert(open.end(), more.begin(), more.end());
    }
    REQUIRE(twin.is_whole());
    return twin.take();
  }
  /// Every parameter, in the model's order.
  std::vector<float> parameters() {
    std::vector<float> made;
    for (const auto& part : runtime::assemble_values(job_, rows_, facts_, collect())) {
      const auto values = part.values<float>();
      made.insert(made.end(), values.begin(), values.end());
    }
    return made;
  }

  runtime::shard& shard(std::uint32_t index) { return shards_[index]; }
  const runtime::job& job() const { return job_; }
  const ops::network& network() const { return *network_; }
  std::uint64_t row_values_pulled = 0, row_values_pushed = 0;
  std::vector<runtime::push_outcome> outcomes;
  std::vector<runtime::error> refused;

private:
  void send(std::function<void()> what) { messages_.push_back(std::move(what)); }

  void carry_out(std::uint32_t from, runtime::worker_effects effects) {
    if (effects.compute)
      send([this, from, task = effects.compute] {
        carry_out(from, workers_[from].on_computed(computations_[from](*task), {}));
      });
    if (effects.request)
      send([this, from, request = *effects.request] {
        carry_out(feeder_.on_request(request, {from}));
      });
    for (const auto& [to, pull] : effects.pulls)
      send([this, from, to = to.value, pull = pull] {
        carry_out(to, shards_[to].on_pull(pull, {from}, {}));
      });
    for (const auto& [to, frame] : effects.pushes)
      send([this, from, to = to.value, frame = frame] {
        if (!frame->row_gradient.empty())
          row_values_pushed += static_cast<std::uint64_t>(frame->row_gradient.elements());
        carry_out(to, shards_[to].on_push(frame, {from}, {}));
      });
  }
  void carry_out(runtime::feeder_effects effects) {
    for (auto& [to, grant, positions] : effects.grants) {
      if (!positions.empty()) grant.samples = data_->gather(positions);
      send([this, to = static_cast<std::uint32_t>(to.value),
            made = std::make_shared<runtime::lease_grant>(grant)] {
        carry_out(to, workers_[to].on_grant(made, {}));
      });
    }
  }
  void carry_out(std::uint32_t shard, const runtime::shard_effects& effects) {
    for (const auto& [to, reply] : effects.pulls) {
      if (!reply.rows.empty())
        row_values_pulled += static_cast<std::uint64_t>(reply.rows.elements());
      send([this, shard, to = static_cast<std::uint32_t>(to.value),
            made = std::make_shared<runtime::pull_reply>(reply)] {
        carry_out(to, workers_[to].on_parameters({shard}, made, {}));
      });
    }
    for (const auto& [to, ack] : effects.pushes) {
      outcomes.push_back(ack.outcome);
      send([this, shard, to = static_cast<std::uint32_t>(to.value), ack = ack] {
        carry_out(to, workers_[to].on_ack({shard}, ack, {}));
      });
    }
    for (const auto& each : effects.refused) refused.push_back(each.what);
    const auto told = shards_[shard].next_settlement();
    if (told.leases.empty()) return;
    shards_[shard].on_settlement_ack({feeder_.self(), told.sequence});
    send([this, told] { carry_out(feeder_.on_settlement(told, {})); });
  }

  runtime::catalog rows_ = runtime::catalog::standard();
  runtime::job job_;
  runtime::data_facts facts_;
  std::unique_ptr<runtime::dataset> data_;
  runtime::feeder feeder_;
  std::unique_ptr<ops::network> network_;
  std::deque<runtime::shard> shards_;
  std::deque<runtime::worker> workers_;
  std::deque<runtime::computation> computations_;
  std::deque<std::function<void()>> messages_;
};

/// The text of a job on pairs of tables of 50 and 40 rows, drawn by Zipf's law.
inline std::string pairs_job(const std::string& model, std::uint32_t workers, std::uint32_t shards,
                             const std::string& more = {}) {
  return "data = {format = \"synthetic\", path = \"zipf-pairs:300:50:40:1.05\", batch = 16, epochs "
         "= 2}\nmodel = {name = \"" +
         model + "\", width = 5}\ntopology = {workers = " + std::to_string(workers) +
         ", shards = " + std::to_string(shards) + "}\n" + more;
}

} // namespace lagrange::tests
