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

shard_port::shard_port(shard_options options, shard_hooks hooks)
    : hooks_(std::move(hooks)), is_following_(options.self.life == incarnation{}) {
  options.parameters.memory = [this](std::size_t bytes) { return plane_->allocate(bytes); };
  twin_.emplace(std::move(options));
}

void shard_port::on_frame(transport::link_id from, transport::frame what) {
  if (has_failed_) return;
  if (is_following_)
    follow(from, what);
  else
    on_message(from, what);
  // Nobody says when a burst is over. (An acknowledgement may come inside of what it is for.)
  if (!plane_->runs_by_itself() && kind_of(what) != frame_kind::input_ack) on_quiet();
}

void shard_port::on_quiet() {
  if (is_following_)
    acknowledge();
  else
    tell_feeder();
}

void shard_port::on_message(transport::link_id from, const transport::frame& what) {
  const auto heard = [&](const stamp& who) { peers_[from] = {who.name, who.life}; };
  switch (kind_of(what)) {
  case frame_kind::pull_request:
    if (auto pull = decode<pull_request>(what); !pull) {
      give_up(from, pull.error());
    } else {
      heard(pull.value().from);
      take(std::move(pull).value(), ticket_of(from));
    }
    break;
  case frame_kind::gradient_push:
    if (auto push = decode<gradient_push>(what); !push) {
      give_up(from, push.error());
    } else {
      heard(push.value().from);
      pushed_bytes_ += what.wire_bytes;
      pushed_payload_ += what.payload_bytes();
      take(std::make_shared<const gradient_push>(std::move(push).value()), ticket_of(from));
    }
    break;
  case frame_kind::snapshot_request:
    if (const auto asked = decode<snapshot_request>(what); !asked)
      give_up(from, asked.error());
    else
      on_snapshot_request(from, asked.value());
    break;
  case frame_kind::input_ack:
    if (const auto ack = decode<input_ack>(what); !ack)
      give_up(from, ack.error());
    else
      on_acknowledged(from, ack.value());
    break;
  default:
    give_up(from, unexpected(what));
  }
}

void shard_port::on_snapshot_request(transport::link_id from, const snapshot_request& asked) {
  if (asked.from.job != twin_->self().job)
    return refuse(from, {errc::fenced, "a snapshot was asked for by another job"});
  const auto reply = twin_->on_snapshot(asked);
  if (!reply) return refuse(from, reply.error());
  take(state_note{});
  outcome made{sequence_, {}, {}, {}, {}, {}};
  made.snapshot = {ticket_of(from), reply.value()};
  commit(std::move(made));
}

void shard_port::on_down(transport::link_id gone, const error& why) {
  if (replica_ && replica_->link == gone) return lose_replica(why);
  if (wanted_ && wanted_->first == gone) wanted_.reset();
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

void shard_port::take(input what, ticket to) {
  if (is_following_ || has_failed_) return;
  const shard_input next{twin_->self(), ++sequence_, hooks_.now(), records_, std::move(what)};
  if (replica_) forward(next); // first, so that both work at once
  auto made = apply(next, to);
  if (!keeps(made.effects.entries)) return;
  commit(std::move(made));
  if (wanted_) begin_filling();
}

shard_port::outcome shard_port::apply(const shard_input& what, ticket to) {
  outcome made{what.sequence, {}, {}, {}, {}, {}};
  auto& effects = made.effects;
  auto& twin = *twin_;
  std::visit(
      [&]<class Input>(const Input& x) {
        if constexpr (std::is_same_v<Input, pull_request>)
          effects = twin.on_pull(x, to, what.now);
        else if constexpr (std::is_same_v<Input, std::shared_ptr<const gradient_push>>)
          effects = twin.on_push(x, to, what.now);
        else if constexpr (std::is_same_v<Input, membership_view>)
          effects = twin.on_view(x, what.now);
        else if constexpr (std::is_same_v<Input, round_closing>)
          effects = twin.on_closing(x, what.now);
        else if constexpr (std::is_same_v<Input, switch_order>)
          made.switched = twin.on_switch(x, what.now, effects);
        else if constexpr (std::is_same_v<Input, settlement_ack>)
          twin.on_settlement_ack(x);
        else if constexpr (std::is_same_v<Input, state_note>)
          effects = twin.note_state();
        else if constexpr (std::is_same_v<Input, settlement_order>)
          made.settled = twin.next_settlement();
      },
      what.what);
  if (effects.captured) effects.captured->state->records = records_ + effects.captured->entries;
  records_ += effects.entries.size();
  return made;
}

void shard_port::commit(outcome made) {
  if (has_failed_) return;
  if (replica_ && !filling_ && made.sequence > acknowledged_)
    held_.push_back(std::move(made));
  else
    say(std::move(made));
}

void shard_port::say(outcome made) {
  say_effects(std::move(made.effects));
  if (made.switched) hooks_.switched(*made.switched);
  if (made.settled) hooks_.settle(std::move(*made.settled));
  if (made.asked) hooks_.ask(*made.asked);
  if (made.snapshot) {
    auto reply = encode(made.snapshot->what);
    reply.first = transport::urgency::bulk;
    plane_->send(link_of(made.snapshot->to), std::move(reply));
  }
}

void shard_port::say_effects(shard_effects effects) {
  if (effects.captured && hooks_.captured) hooks_.captured(std::move(effects.captured->state));
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

void shard_port::tell_feeder() {
  settle();
  ask();
}

void shard_port::ask() {
  if (is_asking_ || has_failed_) return;
  const auto wanted = twin_->wanted_closing();
  if (!wanted) return;
  is_asking_ = true;
  outcome made{sequence_, {}, {}, {}, {}, {}};
  made.asked = wanted;
  commit(std::move(made));
}

void shard_port::on_closing(const round_closing& closing) {
  if (is_following_) return; // of a life that is over
  take(closing);
  is_asking_ = false;
  tell_feeder();
}

void shard_port::ask_again() {
  is_asking_ = false;
  ask();
}

void shard_port::settle() {
  if (is_settling_ || has_failed_ || !twin_->has_news()) return;
  is_settling_ = true;
  take(settlement_order{});
}

void shard_port::on_settlement_ack(const settlement_ack& ack) {
  take(ack);
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
