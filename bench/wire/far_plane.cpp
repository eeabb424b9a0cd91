#include "bench/wire/plane.hpp"
#include "runtime/shard_port.hpp"

#include <algorithm>
#include <cstring>

namespace lagrange::bench {

using namespace runtime;
using transport::link_id;

namespace {

void add(float* __restrict to, const float* __restrict from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
}

/// What answers as a shard does but decides nothing.
class sink final : public transport::receiver {
public:
  sink(const order& what, const bare_memory& memory)
      : adds_(what.role == far_role::adder), copies_(!what.is_tcp), bytes_(what.bytes),
        memory_(memory) {}

  void attach(transport::endpoint& plane) {
    plane_ = &plane;
    published_ = plane.allocate(bytes_).view(ops::dtype::f32,
                                             {static_cast<std::int64_t>(bytes_ / sizeof(float))});
    std::ranges::fill(published_.values<float>(), 0.5F);
  }

  void on_frame(link_id from, transport::frame what) override {
    if (kind_of(what) == frame_kind::gradient_push)
      take(from, decode<gradient_push>(what).value());
    else
      answer(from, decode<pull_request>(what).value());
  }
  void on_down(link_id, const error&) override {}

private:
  void take(link_id from, const gradient_push& push) {
    const auto values = push.gradient.values<float>();
    const auto own = memory_.target.values().subspan(push.first, values.size());
    if (adds_)
      add(own.data(), values.data(), values.size());
    else if (copies_)
      std::memcpy(own.data(), values.data(), values.size_bytes());
    push_ack ack;
    ack.from = stamp_of(actor_role::shard);
    ack.what = push.what.id;
    ack.attempt = push.what.attempt;
    ack.clock = push.clock;
    ack.outcome = push.frame + 1 == push.frames ? push_outcome::taken : push_outcome::partial;
    if (ack.outcome == push_outcome::taken) version_ = version_.next();
    ack.version = version_;
    plane_->send(from, encode(ack));
  }

  void answer(link_id to, const pull_request& pull) {
    pull_reply reply;
    reply.from = stamp_of(actor_role::shard);
    reply.clock = pull.clock;
    reply.version = version_;
    reply.parameters = published_;
    plane_->send(to, encode(reply));
  }

  const bool adds_;
  const bool copies_; ///< by TCP a push lies in this process already, as the bare one does
  const std::uint64_t bytes_;
  const bare_memory& memory_;
  transport::endpoint* plane_ = nullptr;
  ops::tensor published_;
  shard_version version_;
};

class sink_plane final : public far_plane {
public:
  sink_plane(const order& what, const bare_memory& memory)
      : sink_(what, memory),
        plane_(
            transport::make_byte_endpoint(
                byte_options_of(what.bytes, what.is_tcp, std::chrono::microseconds(what.spin_us)),
                sink_)
                .value()) {
    sink_.attach(*plane_);
  }
  transport::address where() const override { return plane_->where(); }

private:
  sink sink_;
  std::unique_ptr<transport::endpoint> plane_;
};

shard_options shard_of(const order& what) {
  const auto elements = what.bytes / sizeof(float);
  shard_options made;
  made.self = stamp_of(actor_role::shard);
  made.policy = make_policy(policies(), "asp").value();
  made.parameters.values.assign(elements, 0.5F);
  made.parameters.optimizer = what.role == far_role::adam_shard ? ops::make_adam(elements, {})
                                                                : ops::make_sgd(elements, {});
  return made;
}

class shard_plane final : public far_plane {
public:
  explicit shard_plane(const order& what)
      : port_(shard_of(what), hooks()),
        plane_(
            transport::make_byte_endpoint(
                byte_options_of(what.bytes, what.is_tcp, std::chrono::microseconds(what.spin_us)),
                port_)
                .value()) {
    port_.attach(*plane_);
  }
  transport::address where() const override { return plane_->where(); }

private:
  /// A feeder that acknowledges at once.
  shard_hooks hooks() {
    shard_hooks made;
    made.now = [] { return std::chrono::steady_clock::now(); };
    made.settle = [this](const settlement& news) {
      port_.on_settlement_ack({stamp_of(actor_role::feeder), news.sequence});
    };
    made.lose = [](actor_life, const error&) {};
    return made;
  }

  shard_port port_;
  std::unique_ptr<transport::endpoint> plane_;
};

} // namespace

std::unique_ptr<far_plane> open_far_plane(const order& what, const bare_memory& memory) {
  if (what.role == far_role::sgd_shard || what.role == far_role::adam_shard)
    return std::make_unique<shard_plane>(what);
  return std::make_unique<sink_plane>(what, memory);
}

} // namespace lagrange::bench
