// The words of the verbs `replay` and `audit`.
#include "apps/command_words.hpp"

#include <fmt/format.h>

namespace lagrange {

namespace {

/// The number in "update=12".
std::optional<std::uint32_t> number_after(std::string_view key, std::string_view text) {
  if (!text.starts_with(key)) return std::nullopt;
  return parse_number(text.substr(key.size()), UINT32_MAX);
}

} // namespace

int act_replay(const invocation& call) {
  CLI::App app("Recomputes a recorded run in one process, and compares it bit by bit.", "replay");
  replay_order order;
  std::string until, without;
  app.add_option("RUN", order.run, "the run's folder")->required()->type_name("");
  app.add_option("--until", until, "stop after this update of every shard")->type_name("update=N");
  app.add_option("--without", without, "leave out what this worker pushed")->type_name("worker=N");
  app.add_flag("--json", order.is_json, "one JSON object on stdout");
  if (const auto status = parse(app, call)) return *status;
  std::string reasons;
  if (app.count("--until") > 0) {
    order.until = number_after("update=", until);
    if (!order.until)
      reasons += fmt::format("--until {}: expected an update, as in update=1000\n", until);
  }
  if (app.count("--without") > 0) {
    order.without = number_after("worker=", without);
    if (!order.without)
      reasons += fmt::format("--without {}: expected a worker, as in worker=2\n", without);
  }
  if (!reasons.empty()) return refuse(call.text, reasons);
  order.catalog = &call.rows;
  return call.verbs.replay(order);
}

int act_audit(const invocation& call) {
  CLI::App app("Proves from a run's journals that every sample of every epoch was applied exactly "
               "once, or dropped by rule.",
               "audit");
  audit_order order;
  app.add_option("RUN", order.run, "the run's folder")->required()->type_name("");
  app.add_flag("--json", order.is_json, "one JSON object on stdout");
  if (const auto status = parse(app, call)) return *status;
  order.catalog = &call.rows;
  return call.verbs.audit(order);
}

} // namespace lagrange
