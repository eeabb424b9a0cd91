#include "runtime/feeder_port.hpp"

#include "runtime/wire.hpp"

namespace lagrange::runtime {

feeder_port::feeder_port(feeder_options options, std::shared_ptr<const dataset> training,
                         feeder_hooks hooks)
    : changes_{options.changes, options.seed, 0}, twin_(options), training_(std::move(training)),
      hooks_(std::move(hooks)) {}

void feeder_port::on_frame(transport::link_id from, const transport::frame& what) {
  if (kind_of(what) != frame_kind::lease_request) return give_up(from, unexpected(what));
  const auto request = decode<lease_request>(what);
  if (!request) return give_up(from, request.error());
  peers_[from] = {request.value().from.name, request.value().from.life};
  carry_out(twin_.on_request(request.value(), {from.value}, hooks_.now()));
}

void feeder_port::on_down(transport::link_id gone, const error& why) {
  const auto who = peers_.extract(gone);
  if (!who.empty()) hooks_.lose(who.mapped(), why);
}

void feeder_port::give_up(transport::link_id from, const error& defect) {
  plane_->send(from, encode(rejection{defect}));
  plane_->close(from);
  on_down(from, defect);
}

void feeder_port::carry_out(feeder_effects effects) {
  for (auto& [to, grant, samples] : effects.grants) {
    if (!samples.empty()) {
      grant.samples = training_->gather(samples);
      changes_.epoch = grant.what.epoch;
      augment(grant.samples, samples, changes_);
    }
    auto made = encode(grant);
    made.wants_compression = hooks_.compresses;
    plane_->send({to.value}, std::move(made));
  }
  for (auto& [to, closing] : effects.closings) hooks_.close(to, std::move(closing));
  if (effects.switched) hooks_.switched(*effects.switched);
  if (effects.wake_after) hooks_.wake(*effects.wake_after);
  for (const auto& [to, why] : effects.refused) plane_->send({to.value}, encode(rejection{why}));
}

} // namespace lagrange::runtime
