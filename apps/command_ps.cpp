// The words of the verb `ps`.
#include "apps/command_words.hpp"

namespace lagrange {

int act_ps(const invocation& call) {
  CLI::App app("Lists the jobs that run, with the process of each of their actors.", "ps");
  ps_order order;
  auto* runs =
      app.add_option("RUN", order.runs, "folders of runs; without one, all that run in DIR")
          ->type_name("");
  app.add_option("--output", order.dir, "where run folders go")->type_name("DIR")->excludes(runs);
  app.add_flag("--json", order.is_json, "one JSON object a line");
  if (const auto status = parse(app, call)) return *status;
  return call.verbs.ps(order);
}

} // namespace lagrange
