// Laws of jobs whose models have tables: only rows travel, and they are stepped as whole tables
// would be.
#include "tests/support/table_job.hpp"

#include <cmath>

namespace lagrange::tests {

using namespace runtime;

namespace {

std::string stepped_by(const std::string& optimizer, const std::string& policy = "asp") {
  return "optimizer = {name = \"" + optimizer + "\", rate = 0.01, momentum = 0.5}\n" +
         "staleness = {policy = \"" + policy + "\"}\n";
}

bool is_finite(const std::vector<float>& x) {
  return std::ranges::all_of(x, [](float each) { return std::isfinite(each); });
}

} // namespace

TEST_CASE("N shards make the tables of one, to the bit, with every optimizer",
          "[runtime][tables]") {
  for (const auto& row : ops::optimizers()) {
    if (row.needs_whole_tensors) continue;
    for (const char* model : {"mf", "skipgram"}) {
      CAPTURE(row.name, model);
      std::vector<float> of_one;
      for (const std::uint32_t shards : {1, 2, 7}) {
        table_job job(pairs_job(model, 1, shards, stepped_by(std::string(row.name))));
        const auto before = job.parameters();
        job.run();
        const auto after = job.parameters();
        CHECK(before != after);
        CHECK(is_finite(after));
        if (of_one.empty()) of_one = after;
        CHECK(after == of_one);
      }
    }
  }
}

TEST_CASE("shards start with the rows that a whole table starts with", "[runtime][tables]") {
  table_job job(pairs_job("mf", 1, 3));
  std::vector<float> wanted;
  const auto specs = job.network().parameters();
  for (std::size_t at = 0; at < specs.size(); ++at) {
    std::vector<float> part(static_cast<std::size_t>(specs[at].extents.elements()));
    ops::initialise(specs[at], job.job().seed, at, 0, part);
    wanted.insert(wanted.end(), part.begin(), part.end());
  }
  CHECK(job.parameters() == wanted);
}

TEST_CASE("a row that no batch touched is as it was at first", "[runtime][tables]") {
  for (const char* policy : {"asp", "ssp:2", "bsp"}) {
    CAPTURE(policy);
    table_job job(pairs_job("skipgram", 3, 2, stepped_by("adam", policy)));
    const auto before = job.parameters();
    job.run(60);
    const auto after = job.parameters();
    std::size_t rested = 0, moved = 0;
    for (std::size_t row = 0; row < 90; ++row) {
      std::size_t same = 0;
      for (std::size_t i = row * 5; i < row * 5 + 5; ++i) same += before[i] == after[i] ? 1 : 0;
      CHECK((same == 5 || same == 0)); // all of a row, or nothing
      (same == 5 ? rested : moved) += 1;
    }
    CHECK(rested > 0);
    CHECK(moved > 0);
  }
}

TEST_CASE("LE-1: every policy closes every lease of a job with tables", "[runtime][tables]") {
  for (const char* policy : {"asp", "ssp:0", "ssp:3", "bsp"})
    for (const std::uint32_t workers : {1U, 3U}) {
      CAPTURE(policy, workers);
      table_job job(pairs_job("mf", workers, 2, stepped_by("adagrad", policy)));
      job.run();
      CHECK(job.refused.empty());
      CHECK(job.shard(0).report().entered == job.shard(1).report().entered);
      CHECK(job.shard(0).report().entered == 38); // 300 in batches of 16, twice
    }
}

TEST_CASE("a pull brings the rows of its batch, and a push no others", "[runtime][tables]") {
  table_job job(pairs_job("mf", 1, 2, stepped_by("sgd")));
  job.run();
  CHECK(job.row_values_pulled == job.row_values_pushed);
  // A batch of 16 touches at most 16 rows of one table and 80 of the other, of 40.
  CHECK(job.row_values_pulled <= 38 * (16 + 40) * 6);
  CHECK(job.row_values_pulled >= 38 * 2 * 6);
  std::uint64_t counted = 0;
  for (std::uint32_t shard = 0; shard < 2; ++shard)
    for (const auto each : job.shard(shard).parameters().values_pushed()) counted += each;
  CHECK(counted == job.row_values_pushed);
}

TEST_CASE("clipping scales what a step does to rows", "[runtime][tables]") {
  const auto moved = [](const std::string& clip) {
    table_job job(pairs_job("mf", 1, 2,
                            "optimizer = {name = \"sgd\", rate = 0.01, momentum = 0.0" + clip +
                                "}\nstaleness = {policy = \"asp\"}\n"));
    const auto before = job.parameters();
    job.run(12);
    REQUIRE(job.shard(0).report().applied == 1);
    const auto after = job.parameters();
    double sum = 0;
    for (std::size_t i = 0; i < before.size(); ++i) sum += std::pow(after[i] - before[i], 2);
    return std::sqrt(sum);
  };
  const auto whole = moved("");
  CHECK(whole > 0.01 * 1e-3);
  CHECK(moved(", clip_norm = 0.001") == Approx(0.01 * 1e-3).epsilon(1e-3));
}

TEST_CASE("f16 scales the gradients of rows back", "[runtime][tables]") {
  const auto after = [](const std::string& more) {
    table_job job(pairs_job("mf", 1, 2, stepped_by("sgd") + more));
    job.run();
    return job.parameters();
  };
  const auto exact = after(""), half = after("precision = {compute = \"f16\"}\n");
  REQUIRE(is_finite(half));
  double difference = 0, length = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference += std::pow(exact[i] - half[i], 2);
    length += std::pow(exact[i], 2);
  }
  CHECK(difference > 0);
  CHECK(std::sqrt(difference / length) < 0.01);
}

TEST_CASE("a codec writes what is no table, and rows go as they are", "[runtime][tables]") {
  const auto after = [](const std::string& codec) {
    table_job job(pairs_job("mf", 1, 2, stepped_by("sgd") + codec));
    job.run();
    return job.parameters();
  };
  CHECK(after("codec = {push = \"topk:0.01 | int8\"}\n") == after("")); // mf has tables alone
}

TEST_CASE("a worker of tables larger than its machine takes the memory of its batch",
          "[runtime][tables]") {
  const auto rows = catalog::standard();
  const auto x = parse_job(pairs_job("mf", 1, 3), "the job", {}, rows).value();
  // 2 and 1 billion rows: 60 GB of f32.
  const data_facts facts{{{2}, 2, ops::sample_kind::pairs, {2'000'000'000, 1'000'000'000}}, 300};
  const auto worker = make_worker(x, rows, facts, worker_stamp(0));
  auto compute = make_computation(x, rows, facts, {});
  auto grant = std::make_shared<lease_grant>();
  grant->samples = {ops::tensor(ops::dtype::i32, {4, 2}), ops::tensor(ops::dtype::i32, {4}), 1, 0};
  const auto pairs = grant->samples.inputs.values<std::int32_t>();
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = (i % 2 == 0 ? 2'000'000'000 : 1'000'000'000) - 1 - static_cast<std::int32_t>(i);
  std::ranges::fill(grant->samples.labels.values<std::int32_t>(), 1);
  step_task task;
  task.what = {.id = {3}, .attempt = {1}};
  task.plan = worker.plan(task.what, grant->samples);
  task.grant = grant;
  for (const auto& wanted : task.plan->wanted) {
    pull_reply reply;
    reply.parameters = tensor_of({});
    task.parameters.push_back(std::make_shared<const pull_reply>(std::move(reply)));
    const auto wide = wanted.counts[0] + wanted.counts[1];
    const auto narrow = wanted.counts[2] + wanted.counts[3];
    task.rows.push_back(tensor_of(std::vector<float>(wide * 5 + narrow, 0.5F)));
  }
  const auto& touched = task.plan->touched.rows;
  CHECK(touched[0] ==
        std::vector<std::int32_t>{1'999'999'993, 1'999'999'995, 1'999'999'997, 1'999'999'999});
  CHECK(touched[1].size() == 4 + 4 * 4); // the true ones and four others each
  CHECK(std::ranges::is_sorted(touched[1]));
  const auto result = compute(task);
  CHECK(result.verdict == push_verdict::apply);
  REQUIRE(result.parts.size() == 3);
  for (std::size_t shard = 0; shard < 3; ++shard) {
    REQUIRE(result.parts[shard].size() == 1);
    CHECK(result.parts[shard][0].rows.size() == task.plan->wanted[shard].size());
  }
}

TEST_CASE("a push of many rows is cut into frames that each fit", "[runtime][tables]") {
  const std::vector<table_shape> tables{{0, 100, 3}, {1, 100, 1}};
  table_rows all;
  all.counts = {7, 9};
  all.rows = ops::tensor(ops::dtype::i32, {16});
  for (std::int32_t i = 0; i < 16; ++i) all.rows.values<std::int32_t>()[i] = i < 7 ? i : i - 7;
  const auto frames = cut_rows(all, tables, 8);
  std::vector<std::int32_t> together;
  for (const auto& frame : frames) {
    CHECK(frame.counts[0] * 3 + frame.counts[1] <= 8);
    CHECK(reinterpret_cast<std::uintptr_t>(frame.rows.bytes()) % 8 == 0); // as the wire wants it
    const auto rows = frame.rows.values<std::int32_t>();
    together.insert(together.end(), rows.begin(), rows.end());
  }
  const auto rows = all.rows.values<std::int32_t>();
  CHECK(together == std::vector<std::int32_t>(rows.begin(), rows.end()));
  CHECK(cut_rows({{0, 0}, ops::tensor(ops::dtype::i32, {0})}, tables, 8).size() == 1);
}

} // namespace lagrange::tests
