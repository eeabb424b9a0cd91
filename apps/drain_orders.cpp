#include "apps/drain_orders.hpp"

#include "apps/command_words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::apps {

using namespace runtime;

namespace {

bool has_left(const job_status& status, const actor_life& who) {
  const auto row = std::ranges::find(status.actors, who.name, &actor_status::name);
  return row == status.actors.end() || row->life != who.life || row->state == "vacant";
}

} // namespace

void drain_orders::obey(const control_order& order, running_term& term, control_socket& control) {
  const auto refuse = [&](const std::string& why) { control.answer(order.from, "refused " + why); };
  const auto name = parse_name(order.words.at(1));
  if (!name)
    return refuse(
        fmt::format("{}: no name of an actor, expected one as in worker-2", order.words[1]));
  const auto receipt = term.request(drain_request{*name});
  if (!receipt) return refuse(receipt.error().text);
  if (!receipt.value().refusal.empty()) return refuse(receipt.value().refusal);
  waiting_.emplace_back(order, receipt.value().who);
}

void drain_orders::look(const job_status& status, control_socket& control) {
  std::erase_if(waiting_, [&](const auto& each) {
    const auto& [order, who] = each;
    if (!has_left(status, who)) return false;
    control.answer(order.from,
                   fmt::format("ok {} has left, and its place is vacant", to_string(who.name)));
    return true;
  });
}

void drain_orders::refuse_all(const std::string& why, control_socket& control) {
  for (const auto& [order, who] : std::exchange(waiting_, {}))
    control.answer(order.from, "refused " + why);
}

} // namespace lagrange::apps
