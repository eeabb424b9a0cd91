// The words of the verb `compare`.
#include "apps/command_words.hpp"

namespace lagrange {

int act_compare(const invocation& call) {
  CLI::App app("Shows runs side by side: a row each, and curves on a page.", "compare");
  compare_order order;
  app.add_option("RUN", order.runs, "folders of runs that have ended")->required()->type_name("");
  app.add_option("--html", order.page, "also write a page with the table and curves")
      ->type_name("FILE");
  app.add_flag("--json", order.is_json, "one JSON object a line on stdout");
  if (const auto status = parse(app, call)) return *status;
  if (app.count("--html") > 0 && order.page.empty())
    return refuse(call.text, "--html: expected a file, as in --html runs.html");
  order.catalog = &call.rows;
  return call.verbs.compare(order);
}

} // namespace lagrange
