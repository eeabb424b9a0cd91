// Workers that come and go while the job runs.
#include "actors/supervisor_parts.hpp"

namespace lagrange::actors {

using namespace runtime;

join_answer admit(supervisor_pointer self, const join_request& wish) {
  supervisor_effects effects;
  auto answer = self->state.twin->on_join_request(wish, now(self), effects);
  carry_out(self, std::move(effects));
  if (!answer.refusal.empty() || !self->state.setup->admits) return answer;
  if (const auto kept = self->state.setup->admits(answer.who); !kept) {
    answer.refusal = "it cannot be written down that it joins: " + kept.error().text;
    carry_out(self, self->state.twin->on_loss(answer.who, "was refused", now(self)));
  }
  return answer;
}

drain_receipt drain(supervisor_pointer self, const drain_request& wish) {
  supervisor_effects effects;
  auto receipt = self->state.twin->on_drain_request(wish, now(self), effects);
  carry_out(self, std::move(effects));
  return receipt;
}

/// Nothing of it is open: its node ends as nodes do at the end of a job.
void bid_farewell(supervisor_pointer self, const actor_life& who) {
  if (const auto node = self->state.nodes.extract(who); !node.empty())
    self->send(node.mapped(), end_atom::value);
}

} // namespace lagrange::actors
