#include "runtime/shard_port.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::runtime {

namespace {

// An answer goes to the link that the request came from.
ticket ticket_of(transport::link_id link) { return {link.value}; }
transport::link_id link_of(ticket to) { return {to.value}; }

/// Bytes by tensor, in the proportion of the values that travelled.
std::vector<std::uint64_t> shared_out(std::uint64_t bytes,
                                      const std::vector<std::uint64_t>& values) {
  const auto all = std::accumulate(values.begin(), values.end(), 0.0);
  std::vector<std::uint64_t> made;
  for (const auto each : values)
    made.push_back(all > 0 ? static_cast<std::uint64_t>(static_cast<double>(bytes) *
                                                        static_cast<double>(each) / all)
                           : 0);
  return made;
}

} // namespace

shard_port::shard_port(shard_options options, shard_hooks hooks) : hooks_(std::move(hooks)) {
  options.parameters.memory = [this](std::size_t bytes) { return plane_->allocate(bytes); };
  twin_.emplace(std::move(options));
}

void shard_port::on_frame(transport::link_id from, transport::frame what) {
  if (has_failed_) return;
  on_message(from, what);
  if (!plane_->runs_by_itself()) tell_feeder(); // nobody says when a burst is over
}

void shard_port::on_message(transport::link_id from, const transport::frame& what) {
  const auto heard = [&](const stamp& who) { peers_[from] = {who.name, who.life}; };
  switch (kind_of(what)) {
  case frame_kind::pull_request:
    if (const auto pull = decode<pull_request>(what); !pull) {
      give_up(from, pull.error());
    } else {
      heard(pull.value().from);
      carry_out(twin_->on_pull(pull.value(), ticket_of(from), hooks_.now()));
    }
    break;
  case frame_kind::gradient_push:
    if (auto push = decode<gradient_push>(what); !push) {
      give_up(from, push.error());
    } else {
      heard(push.value().from);
      pushed_bytes_ += what.wire_bytes;
      pushed_payload_ += what.payload_bytes();
      carry_out(twin_->on_push(std::make_shared<const gradient_push>(std::move(push).value()),
                               ticket_of(from), hooks_.now()));
    }
    break;
  case frame_kind::snapshot_request:
    if (const auto asked = decode<snapshot_request>(what); !asked) {
      give_up(from, asked.error());
    } else if (asked.value().from.job != twin_->self().job) {
      refuse(from, {errc::fenced, "a snapshot was asked for by another job"});
    } else if (const auto reply = twin_->on_snapshot(asked.value()); !reply) {
      refuse(from, reply.error());
    } else {
      carry_out(twin_->note_state());
      auto made = encode(reply.value());
      made.first = transport::urgency::bulk;
      plane_->send(from, std::move(made));
    }
    break;
  default:
    give_up(from, unexpected(what));
  }
}

void shard_port::on_down(transport::link_id gone, const error& why) {
  const auto who = peers_.extract(gone);
  if (!who.empty()) hooks_.lose(who.mapped(), why);
}

void shard_port::give_up(transport::link_id from, const error& defect) {
  refuse(from, defect);
  plane_->close(from);
  on_down(from, defect);
}

void shard_port::refuse(transport::link_id to, const error& why) {
  plane_->send(to, encode(rejection{why}));
}

bool shard_port::keeps(const std::vector<journal_entry>& entries) {
  if (has_failed_ || !hooks_.journal || entries.empty()) return !has_failed_;
  const auto kept = hooks_.journal({twin_->self().name.index}, entries);
  if (kept) return true;
  has_failed_ = true;
  hooks_.fail(kept.error());
  return false;
}

void shard_port::keep(const captured_shard& captured) {
  captured.state->records = records_ + captured.entries;
  if (hooks_.captured) hooks_.captured(captured.state);
}

void shard_port::carry_out(shard_effects effects) {
  if (!keeps(effects.entries)) return;
  if (effects.captured) keep(*effects.captured);
  records_ += effects.entries.size();
  for (const auto& [to, reply] : effects.pulls) {
    auto made = encode(reply);
    made.wants_compression = hooks_.compresses;
    const auto payload = made.payload_bytes();
    const auto sent = plane_->send(link_of(to), std::move(made));
    pulled_bytes_ += sent;
    if (sent > 0) pulled_payload_ += payload;
  }
  for (const auto& [to, ack] : effects.pushes) plane_->send(link_of(to), encode(ack));
  for (const auto& [to, why] : effects.refused) refuse(link_of(to), why);
}

void shard_port::on_view(const membership_view& view) {
  carry_out(twin_->on_view(view, hooks_.now()));
}

void shard_port::on_switch(const switch_order& order) {
  shard_effects effects;
  const auto ack = twin_->on_switch(order, hooks_.now(), effects);
  carry_out(std::move(effects));
  if (ack && !has_failed_) hooks_.switched(*ack);
}

void shard_port::tell_feeder() {
  settle();
  ask();
}

void shard_port::ask() {
  if (is_asking_ || has_failed_) return;
  const auto wanted = twin_->wanted_closing();
  if (!wanted) return;
  is_asking_ = true;
  hooks_.ask(*wanted);
}

void shard_port::on_closing(const round_closing& closing) {
  carry_out(twin_->on_closing(closing, hooks_.now()));
  is_asking_ = false;
  tell_feeder();
}

void shard_port::ask_again() {
  is_asking_ = false;
  ask();
}

void shard_port::settle() {
  if (is_settling_ || has_failed_) return;
  auto news = twin_->next_settlement();
  if (news.leases.empty()) return;
  is_settling_ = true;
  hooks_.settle(std::move(news));
}

void shard_port::on_settlement_ack(const settlement_ack& ack) {
  twin_->on_settlement_ack(ack);
  settle_again();
}

void shard_port::settle_again() {
  is_settling_ = false;
  settle();
}

shard_report shard_port::report() const {
  auto made = twin_->report();
  made.pushed_bytes = pushed_bytes_;
  made.pulled_bytes = pulled_bytes_;
  // Compressed frames are smaller than what they hold.
  const auto all = pushed_bytes_ + pulled_bytes_;
  made.framing_bytes = all - std::min(all, pushed_payload_ + pulled_payload_);
  const auto counted = plane_->counted();
  made.other_bytes =
      counted.sent + counted.received - std::min(all, counted.sent + counted.received);
  made.tensor_pushed = shared_out(pushed_payload_, twin_->parameters().values_pushed());
  made.tensor_pulled = shared_out(pulled_payload_, twin_->parameters().values_pulled());
  return made;
}

} // namespace lagrange::runtime
