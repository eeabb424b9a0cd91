#include "apps/comparison.hpp"

#include "apps/compare.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::apps;
using Catch::Contains;
using tests::temporary_folder;

namespace {

const auto rows = runtime::catalog::standard();

struct made_run {
  std::string policy = "bsp";
  std::uint64_t seed = 1;
  double accuracy = 0.88;
  std::string outcome = "done";
  std::string slow; ///< a rule; empty: none
};

runtime::summary summary_of(const made_run& x) {
  runtime::summary made;
  made.job = "clothes";
  made.outcome = x.outcome;
  made.policy = x.policy;
  made.workers = 4;
  made.shards = 2;
  made.seed = x.seed;
  made.train_seconds = 40.5;
  made.samples_per_second = 7407.5;
  made.test_accuracy = x.accuracy;
  made.test_loss = 0.3011;
  if (x.accuracy > 0.85) made.time_to_target_seconds = 12.25;
  made.staleness = {1.0, 6.0, 9.0};
  made.wait_share = 0.334;
  made.bytes.pushed = 3'400'000'000;
  made.bytes.pulled = 999;
  made.restarts = {1, 1, 0};
  made.emulated = !x.slow.empty();
  return made;
}

/// A run's folder with made-up numbers.
std::string write_run(const temporary_folder& in, const std::string& name, const made_run& x) {
  std::filesystem::create_directory(in.path() / name);
  std::vector<std::string> set{"name=clothes", "staleness.policy=" + x.policy,
                               "seed=" + std::to_string(x.seed)};
  if (!x.slow.empty()) set.push_back("chaos.slow=" + x.slow);
  const auto job = runtime::parse_job("", "made.toml", set, rows).value();
  in.write(name + "/job.toml", to_toml(job));
  in.write(name + "/summary.json", to_json(summary_of(x)) + "\n");
  in.write(name + "/metrics.jsonl",
           R"({"elapsed_seconds":1.5,"samples":640,"samples_per_second":4321.5,)"
           R"("test_accuracy":null,"test_loss":null,"injected":"","actors":[)"
           R"({"name":"worker-0","staleness":2},{"name":"worker-1","staleness":5},)"
           R"({"name":"shard-0","staleness":99}]})"
           "\n"
           R"({"elapsed_seconds":2.5,"samples":1280,"samples_per_second":null,)"
           R"("test_accuracy":0.8125,"test_loss":0.5,"injected":")" +
               (x.slow.empty() ? "" : x.slow) +
               R"(","actors":[{"name":"worker-0","staleness":null}]})"
               "\n"
               R"({"elapsed_seconds":3.5,"samp)"); // cut off by a kill
  return (in.path() / name).string();
}

std::vector<compared_run> read(const std::vector<std::string>& folders) {
  auto runs = read_compared(folders, rows);
  if (!runs) FAIL(runs.error().text);
  return std::move(runs).value();
}

std::string refusal(const std::vector<std::string>& folders) {
  const auto runs = read_compared(folders, rows);
  REQUIRE_FALSE(runs);
  return runs.error().text;
}

std::string without(std::string text, const std::string& part) {
  for (auto at = text.find(part); at != text.npos; at = text.find(part))
    text.erase(at, part.size());
  return text;
}

} // namespace

TEST_CASE("a table has a row a run, and the median and range of seeds", "[apps][compare]") {
  const temporary_folder in;
  const auto runs = read({write_run(in, "a", {}), write_run(in, "b", {"asp", 1, 0.86}),
                          write_run(in, "c", {"bsp", 2, 0.84}),
                          write_run(in, "d", {"asp", 1, 0.8, "interrupted", "worker-1:5x"})});
  CHECK(runs[0].group == runs[2].group);
  CHECK(runs[1].group != runs[3].group);
  const auto text = without(to_text(compare(runs), 98), in.path().string() + "/");
  CHECK("\n" + text == R"(
#  policy       times                  workers  seed        to target       accuracy  test loss
1  bsp          measured                     4     1           12.2 s         0.8800     0.3011
3  bsp          measured                     4     2                -         0.8400     0.3011
   median of 2                                        12.2 s (1 of 2)         0.8600     0.3011
   range                                                       12.2 s  0.8400-0.8800     0.3011
2  asp          measured                     4     1           12.2 s         0.8600     0.3011
4  asp          emulated, interrupted        4     1                -         0.8000     0.3011

#  policy       times                  training  samples/s  stale p50  p99  max  waiting  pushed
1  bsp          measured                 40.5 s       7408          1    6    9   33.4 %  3.4 GB
3  bsp          measured                 40.5 s       7408          1    6    9   33.4 %  3.4 GB
   median of 2                           40.5 s       7408          1    6    9   33.4 %  3.4 GB
   range                                 40.5 s       7408          1    6    9   33.4 %  3.4 GB
2  asp          measured                 40.5 s       7408          1    6    9   33.4 %  3.4 GB
4  asp          emulated, interrupted    40.5 s       7408          1    6    9   33.4 %  3.4 GB

#  policy       times                  pulled  restarts
1  bsp          measured                999 B         2
3  bsp          measured                999 B         2
   median of 2                          999 B         2
   range                                999 B         2
2  asp          measured                999 B         2
4  asp          emulated, interrupted   999 B         2

1: a
2: b
3: c
4: d, injected: worker-1:5x
staleness.policy  1, 3: "bsp"; 2, 4: "asp"
chaos.slow  1, 2, 3: []; 4: ["worker-1:5x"]
emulated: times were injected or simulated, and say nothing about this machine
)");
}

TEST_CASE("a table that is too wide goes on below, led by the runs' names", "[apps][compare]") {
  const temporary_folder in;
  const auto table = compare(read({write_run(in, "a", {}), write_run(in, "b", {"asp"})}));
  for (const std::size_t columns : {50, 80, 120, 200}) {
    std::istringstream lines(to_text(table, columns));
    std::size_t blocks = 0;
    std::string titles;
    for (std::string line; std::getline(lines, line) && !line.starts_with("1: ");) {
      CHECK(line.size() <= columns);
      blocks += line.starts_with("1  bsp     measured");
      if (line.starts_with("#")) titles += line + "  ";
    }
    CHECK((blocks == 1) == (columns == 200));
    for (auto i = table.names; i < table.titles.size(); ++i)
      CHECK_THAT(titles, Contains("  " + table.titles[i] + "  "));
  }
}

TEST_CASE("what is no run that ended is refused, each with its reason", "[apps][compare]") {
  const temporary_folder in;
  const auto good = write_run(in, "good", {});
  std::filesystem::create_directory(in.path() / "empty");
  const auto running = write_run(in, "running", {});
  std::filesystem::remove(in.path() / "running/summary.json");
  const auto damaged = write_run(in, "damaged", {});
  in.write("damaged/summary.json", R"({"job":"x)");
  const auto older = write_run(in, "older", {});
  in.write("older/summary.json", R"({"job":"x","outcome":"done"})");
  const auto newer = write_run(in, "newer", {});
  in.write("newer/job.toml", "[chaos]\nseed = 3\nquantum = 3\n");
  const auto torn = write_run(in, "torn", {});
  in.write("torn/metrics.jsonl", "{\"elapsed_seconds\":1}\nnonsense\n{\"elapsed_seconds\":2}\n");
  const auto text = refusal(
      {good, in.path() / "none", in.path() / "empty", running, damaged, older, newer, torn});
  CHECK_THAT(text, Contains("none is no folder") && Contains("empty has no job.toml") &&
                       Contains("running has no summary.json: its job still runs") &&
                       Contains("damaged/summary.json: no JSON object") &&
                       Contains("older/summary.json: policy is missing") &&
                       Contains("newer/job.toml:3") && Contains("torn/metrics.jsonl:2"));
  CHECK(std::ranges::count(text, '\n') == 6);
  CHECK(text.find(good) == std::string::npos);
  CHECK(compare_runs({{in.path() / "none"}, "", false, &rows, ""}) == 2);
}

TEST_CASE("JSON has a line a run with its summary, and one a group", "[apps][compare]") {
  const temporary_folder in;
  const auto text = to_json(read({write_run(in, "a", {}), write_run(in, "b", {"bsp", 2, 0.84})}));
  CHECK(std::ranges::count(text, '\n') == 3);
  CHECK_THAT(text, Contains(R"("type":"run","number":2)") && Contains(R"("emulated":false)"));
  CHECK_THAT(text, Contains(R"("test_accuracy":{"median":0.86,"low":0.84,"high":0.88,"known":2})"));
  CHECK_THAT(text, Contains(R"("time_to_target_seconds":{"median":12.25,"low":12.25,)"
                            R"("high":12.25,"known":1})"));
}

TEST_CASE("the page has the runs' numbers and curves, and needs no other file", "[apps][compare]") {
  const temporary_folder in;
  const auto page = to_page(
      read({write_run(in, "a", {}), write_run(in, "b", {"asp", 3, 0.86, "done", "worker-1:5x"})}),
      "/* Chart.js v3 */");
  CHECK_THAT(page, Contains("<td>0.8800</td>") && Contains("<td>12.2 s</td>") &&
                       Contains("<td class=\"name emulated\">emulated</td>") &&
                       Contains("2: asp, seed 3 (emulated)") && Contains("injected: worker-1:5x"));
  CHECK_THAT(page, Contains(R"({"seconds":2.5,"samples":1280.0,"accuracy":0.8125,"loss":0.5})") &&
                       Contains(R"({"seconds":1.5,"staleness":3.5,"throughput":4321.5})"));
  CHECK_THAT(page, Contains("<script>/* Chart.js v3 */</script>") && Contains("MIT License") &&
                       Contains("prefers-color-scheme: dark") && Contains("@media print"));
  for (const auto* way : {"http:", "https:", "src=", "href=", "@import", "url(", "{{"})
    CHECK(page.find(way) == std::string::npos);
}

TEST_CASE("whatever comes from a run is text on the page, never markup", "[apps][compare]") {
  const temporary_folder in;
  auto runs = read({write_run(in, "a<b>&\"'", {})});
  const std::string evil = "</script><script>alert(1)</script>{{data}}<img src=x onerror='a'>";
  runs[0].end.job = runs[0].end.policy = runs[0].end.outcome = runs[0].injected = evil;
  const auto page = to_page(runs, "");
  CHECK(page.find("<script>alert") == std::string::npos);
  CHECK(page.find("<img") == std::string::npos);
  CHECK(page.find("a<b>") == std::string::npos);
  CHECK_THAT(page, Contains("&lt;/script&gt;&lt;script&gt;alert(1)") &&
                       Contains("\\u003c/script>") && Contains("a&lt;b&gt;&amp;&quot;&#39;"));
}

TEST_CASE("a page is refused when Chart.js is not there, and says what to install",
          "[apps][compare]") {
  const temporary_folder in;
  const auto run = write_run(in, "a", {});
  const auto page = (in.path() / "page.html").string();
  CHECK(compare_runs({{run}, page, false, &rows, ""}) == 2);
  CHECK(compare_runs({{run}, page, false, &rows, (in.path() / "gone.js").string()}) == 2);
  CHECK_FALSE(std::filesystem::exists(page));
  const auto library = in.write("chart.js", "/* Chart.js */");
  CHECK(compare_runs({{run}, page, false, &rows, library}) == 0);
  CHECK(std::filesystem::exists(page));
  CHECK(compare_runs({{run}, (in.path() / "none/page.html").string(), false, &rows, library}) == 2);
}
