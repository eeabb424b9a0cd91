// The verb `replay`.
#include "runtime/replay.hpp"

#include "apps/recorded_run.hpp"
#include "apps/replay.hpp"
#include "ops/devices.hpp"
#include "ops/rows.hpp"
#include "runtime/checkpoint.hpp"
#include "runtime/evaluation.hpp"
#include "runtime/job_devices.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace lagrange {

namespace {

using namespace runtime;
using steady = std::chrono::steady_clock;

/// What came of a replay.
struct verdict {
  std::uint64_t updates = 0;
  double seconds = 0;
  std::optional<bool> is_exact;   ///< none: nothing was to be compared
  std::string difference;         ///< the first one
  std::string sha256;             ///< of the parameters that came
  std::optional<double> accuracy; ///< on the test split
  std::vector<std::string> remarks;
};

/// Why the run cannot be replayed at all; empty: it can.
std::string find_obstacle(const apps::recorded_run& run, const replay_order& order) {
  if (const auto absence = devices_absence(run.job, *order.catalog); !absence.empty())
    return "the run's workers computed on devices, and a replay computes on the same ones: " +
           absence;
  if (order.without && *order.without >= run.job.topology.places())
    return fmt::format("--without worker={}: the run has workers 0 to {}", *order.without,
                       run.job.topology.places() - 1);
  return {};
}

/// Of the shard that has made the fewest.
std::uint64_t updates_of(const replay_plan& plan) {
  std::uint64_t least = UINT64_MAX;
  for (const auto& shard : plan.shards)
    least = std::min<std::uint64_t>(least, shard.updates.size());
  return least;
}

class replaying {
public:
  replaying(const apps::recorded_run& run, const replay_order& order)
      : run_(run), order_(order), rows_(*order.catalog) {}

  result<verdict> all() {
    BOOST_OUTCOME_TRY(plan, make_replay_plan(run_.journals));
    if (order_.until && *order_.until > updates_of(plan))
      return failure(errc::bad_argument, fmt::format("--until update={}: the run has {} updates",
                                                     *order_.until, updates_of(plan)));
    BOOST_OUTCOME_TRY(training, open_data(run_.job, rows_, data_split::train));
    verdict made;
    made.remarks = apps::torn_tails_of(run_);
    std::ranges::move(apps::differences_of(run_, rows_), std::back_inserter(made.remarks));
    replay_options options;
    if (order_.until) options.until = shard_version{*order_.until};
    if (order_.without) options.without = worker_id{*order_.without};
    options.anew = run_.anew;
    replay again({run_.job, rows_, run_.facts, *training}, std::move(plan), options);
    const auto started = steady::now();
    BOOST_OUTCOME_TRY(again.run());
    made.seconds = std::chrono::duration<double>(steady::now() - started).count();
    made.updates = again.updates();
    made.difference = again.difference();
    BOOST_OUTCOME_TRY(judge(again.parameters(), made));
    return made;
  }

private:
  result<void> judge(gathered_parameters parameters, verdict& made) {
    made.sha256 = sha256_hex(assemble_values(run_.job, rows_, run_.facts, parameters));
    const bool is_whole = !order_.until && !order_.without;
    if (is_whole && made.difference.empty() && !run_.parameters_sha256.empty() &&
        run_.parameters_sha256 != made.sha256)
      made.difference = "the parameters at the end differ from those of the summary, sha256 " +
                        run_.parameters_sha256;
    if (!order_.without) made.is_exact = made.difference.empty();
    if (is_whole && run_.outcome != "done")
      made.remarks.push_back("the run did not end: what it had recorded is compared");
    if (is_whole) return success();
    BOOST_OUTCOME_TRY(test, open_data(run_.job, rows_, data_split::test));
    evaluation tested(std::move(test),
                      std::make_unique<computation>(make_computation(run_.job, rows_, run_.facts)));
    if (tested.rows()) parameters.tables = some_rows(parameters.tables, *tested.rows());
    const auto found = tested.run(parameters);
    if (found.samples > 0)
      made.accuracy = static_cast<double>(found.correct) / static_cast<double>(found.samples);
    return success();
  }

  /// Of whole tables, the rows that are listed.
  std::vector<ops::tensor> some_rows(std::span<const ops::tensor> tables,
                                     const wanted_rows& listed) const {
    const auto network = make_network(run_.job, rows_, run_.facts.input);
    const table_split split(network->parameters(), 1);
    std::vector<ops::tensor> made;
    for (std::size_t table = 0; table < tables.size(); ++table) {
      const auto& rows = listed.rows[table];
      const auto elements = static_cast<std::int64_t>(rows.size()) * split.tables()[table].width;
      auto& some = made.emplace_back(ops::dtype::f32, ops::shape{elements});
      ops::gather_rows(tables[table].values<float>(), rows, some.values<float>());
    }
    return made;
  }

  const apps::recorded_run& run_;
  const replay_order& order_;
  const catalog& rows_;
};

void tell(const apps::recorded_run& run, const replay_order& order, const verdict& found) {
  for (const auto& remark : found.remarks) fmt::print("{}\n", remark);
  for (const auto& line : apps::terms_told(run)) fmt::print("{}\n", line);
  fmt::print("replayed {} updates of {} shards in {:.1f} s\n", found.updates, run.journals.size(),
             found.seconds);
  if (found.is_exact && *found.is_exact)
    fmt::print("bit-exact: yes  sha256 {}\n", found.sha256);
  else if (found.is_exact)
    fmt::print("bit-exact: no: {}\n", found.difference);
  else
    fmt::print("without worker-{}: sha256 {}\n", *order.without, found.sha256);
  if (!found.accuracy) return;
  fmt::print("test accuracy {:.4f}", *found.accuracy);
  if (order.without && !order.until && run.test_accuracy)
    fmt::print(" without worker-{}, {:.4f} with it", *order.without, *run.test_accuracy);
  fmt::print("\n");
}

nlohmann::json to_json(const apps::recorded_run& run, const replay_order& order,
                       const verdict& found) {
  nlohmann::json made{{"run", run.folder.string()},
                      {"updates", found.updates},
                      {"seconds", found.seconds},
                      {"bit_exact", nullptr},
                      {"difference", nullptr},
                      {"sha256", found.sha256},
                      {"recorded_sha256", nullptr},
                      {"until", nullptr},
                      {"without", nullptr},
                      {"test_accuracy", nullptr},
                      {"recorded_accuracy", nullptr},
                      {"remarks", found.remarks},
                      {"terms", apps::terms_json(run)}};
  const auto put = [&](const char* key, const auto& value) {
    if (value) made[key] = *value;
  };
  put("bit_exact", found.is_exact);
  put("until", order.until);
  put("without", order.without);
  put("test_accuracy", found.accuracy);
  put("recorded_accuracy", run.test_accuracy);
  if (!found.difference.empty()) made["difference"] = found.difference;
  if (!run.parameters_sha256.empty()) made["recorded_sha256"] = run.parameters_sha256;
  return made;
}

result<verdict> replay_all(const apps::recorded_run& run, const replay_order& order) {
  try {
    return replaying(run, order).all();
  } catch (const ops::device_error& failed) { // a device without room, for one
    return failure(errc::bad_argument, failed.what());
  }
}

int refuse_replay(const std::string& why) {
  fmt::print(stderr, "lagrange: {}\n", why);
  return 2;
}

} // namespace

int replay_run(const replay_order& order) {
  const auto run = apps::read_run(order.run, *order.catalog);
  if (!run) return refuse_replay(run.error().text);
  if (const auto obstacle = find_obstacle(run.value(), order); !obstacle.empty())
    return refuse_replay(obstacle);
  ops::bind_thread(static_cast<int>(run.value().job.topology.threads));
  const auto found = replay_all(run.value(), order);
  if (!found) return refuse_replay(found.error().text);
  if (order.is_json)
    fmt::print("{}\n", to_json(run.value(), order, found.value()).dump());
  else
    tell(run.value(), order, found.value());
  return found.value().is_exact.value_or(true) ? 0 : 1;
}

} // namespace lagrange
