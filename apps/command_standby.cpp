// The words of the verb `standby`.
#include "apps/command_words.hpp"
#include "apps/resumed_job.hpp"

namespace lagrange {

int act_standby(const invocation& call) {
  CLI::App app(
      "Waits beside a running job, and takes it over when its supervisor dies: its workers "
      "and shards go on as they are. Ctrl-C leaves the job alone.",
      "standby");
  standby_order order;
  std::string summary;
  bool is_plain = false, is_json = false, is_quiet = false;
  app.add_option("RUN", order.run, "folder of the run")->required()->type_name("");
  app.add_option("--summary", summary, "write the summary to this file too")
      ->type_name("FILE.json");
  auto* plain = app.add_flag("--plain", is_plain, "lines instead of the live table");
  auto* json = app.add_flag("--json", is_json, "one JSON object a line on stdout");
  auto* quiet = app.add_flag("--quiet", is_quiet, "nothing but errors");
  plain->excludes(json)->excludes(quiet);
  json->excludes(quiet);
  if (const auto status = parse(app, call)) return *status;
  const auto job = read_resumed_job(order.run, {}, call.rows);
  if (!job) return refuse(call.text, job.error().text);
  order.silence = job.value().what.restart.silence;
  std::vector<std::string> words{"--resume", order.run};
  if (!summary.empty()) words.insert(words.end(), {"--summary", summary});
  if (is_plain) words.push_back("--plain");
  if (is_json) words.push_back("--json");
  if (is_quiet) words.push_back("--quiet");
  order.take_over = [call, words] { return act_run({words, call.rows, call.verbs, call.text}); };
  return call.verbs.standby(order);
}

} // namespace lagrange
