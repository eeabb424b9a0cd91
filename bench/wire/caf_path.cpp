#include "bench/wire/caf_path.hpp"

#include "bench/wire/caf_messages.hpp"
#include "bench/wire/plane.hpp"
#include "runtime/wire.hpp"
#include "runtime/wire_checksum.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace lagrange::bench {

namespace {

/// In front of every frame, as in the first job, whose head also was a Cap'n Proto segment.
struct flat_header {
  char magic[4] = {'L', 'G', 'R', 'F'};
  std::uint16_t version = 1, kind = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0, head_words = 0;
};

std::uint32_t checksum(const std::vector<char>& flat) {
  constexpr auto crc_at = offsetof(flat_header, crc);
  const std::span<const char> all(flat);
  return runtime::crc32c(all.subspan(crc_at + sizeof(std::uint32_t)),
                         runtime::crc32c(all.first(crc_at)));
}

} // namespace

std::vector<char> flatten(const runtime::gradient_push& push) {
  const auto frame = runtime::encode(push);
  const auto head_bytes = frame.head.size() * sizeof(std::uint64_t);
  std::vector<char> out;
  const auto append = [&](const void* from, std::size_t bytes) {
    const auto* first = static_cast<const char*>(from);
    out.insert(out.end(), first, first + bytes);
  };
  flat_header made;
  made.kind = frame.kind;
  made.head_words = static_cast<std::uint32_t>(frame.head.size());
  made.bytes = sizeof made + head_bytes + frame.payload_bytes();
  out.reserve(made.bytes);
  append(&made, sizeof made);
  append(frame.head.data(), head_bytes);
  for (const auto& each : frame.payloads) append(each.bytes(), each.size_bytes());
  made.crc = checksum(out);
  std::memcpy(out.data(), &made, sizeof made);
  return out;
}

std::shared_ptr<const runtime::gradient_push> unflatten(const std::vector<char>& flat) {
  flat_header found;
  if (flat.size() < sizeof found) return nullptr;
  std::memcpy(&found, flat.data(), sizeof found);
  const auto head_bytes = found.head_words * sizeof(std::uint64_t);
  if (std::memcmp(found.magic, flat_header{}.magic, sizeof found.magic) != 0 ||
      found.bytes != flat.size() || sizeof found + head_bytes > flat.size() ||
      found.crc != checksum(flat))
    return nullptr;
  runtime::transport::frame frame;
  frame.kind = found.kind;
  frame.head.resize(found.head_words);
  std::memcpy(frame.head.data(), flat.data() + sizeof found, head_bytes);
  const auto payload_at = sizeof found + head_bytes;
  ops::tensor payload(ops::dtype::u8, {static_cast<std::int64_t>(flat.size() - payload_at)});
  std::memcpy(payload.bytes(), flat.data() + payload_at, payload.size_bytes());
  frame.payloads.push_back(std::move(payload));
  auto push = runtime::decode<runtime::gradient_push>(frame);
  if (!push) return nullptr;
  return std::make_shared<const runtime::gradient_push>(std::move(push).value());
}

namespace {

/// As the first job had it for its nodes.
struct system_config : caf::actor_system_config {
  system_config() {
    add_message_types<caf::id_block::lagrange_bench>();
    load<caf::io::middleman>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    set("logger.verbosity", caf::atom("quiet"));
  }
};

push_actor::behavior_type shard(push_actor::pointer) {
  return {[version = runtime::shard_version{}](const framed_push& push) mutable -> push_receipt {
    LAGRANGE_EXPECT(push.value != nullptr, "a push that was none");
    version = version.next();
    return {stamp_of(runtime::actor_role::shard),
            push.value->what.id,
            push.value->what.attempt,
            push.value->clock,
            1,
            version};
  }};
}

using begin_atom = caf::atom_constant<caf::atom("begin")>;

struct pusher_state {
  push_actor to;
  ops::tensor gradient;
  std::uint64_t clock = 0, left = 0, open = 0;
  std::promise<void>* done = nullptr;
};
using pusher_pointer = caf::stateful_actor<pusher_state>*;

void push_one(pusher_pointer self) {
  constexpr std::chrono::seconds deadline{4};
  auto& state = self->state;
  --state.left;
  ++state.open;
  auto push = std::make_shared<runtime::gradient_push>();
  push->from = stamp_of(runtime::actor_role::worker);
  push->clock = {++state.clock};
  push->what.id = {state.clock};
  push->what.attempt = {1};
  push->gradient = state.gradient;
  push->samples = 1;
  self->request(state.to, deadline, framed_push{std::move(push)})
      .then(
          [self](const push_receipt&) {
            auto& now = self->state;
            --now.open;
            if (now.left > 0)
              push_one(self);
            else if (now.open == 0)
              now.done->set_value();
          },
          [self](const caf::error&) {
            self->state.done->set_exception(
                std::make_exception_ptr(ops::device_error("CAF's path gave no answer")));
          });
}

} // namespace

struct far_caf::parts {
  system_config config;
  caf::actor_system system{config};
  push_actor actor = system.spawn(shard);
  std::uint16_t port = 0;
};

far_caf::far_caf() : parts_(std::make_unique<parts>()) {
  auto port = parts_->system.middleman().publish(parts_->actor, 0, "127.0.0.1");
  if (!port) throw ops::device_error("CAF gives no port");
  parts_->port = *port;
}

far_caf::~far_caf() { caf::anon_send_exit(parts_->actor, caf::exit_reason::user_shutdown); }

std::uint16_t far_caf::port() const { return parts_->port; }

struct near_caf::parts {
  explicit parts(const process_pair& of) : with(of) {}
  const process_pair& with;
  system_config config;
  caf::actor_system system{config};
  caf::actor pusher;
};

near_caf::near_caf(const process_pair& with, std::uint64_t push_bytes, std::uint64_t in_flight)
    : parts_(std::make_unique<parts>(with)) {
  order what;
  what.kind = order_kind::open_caf;
  const auto port = with.ask(what).caf_port;
  auto to = parts_->system.middleman().remote_actor<push_actor>("127.0.0.1", port);
  if (!to) throw ops::device_error("CAF does not reach the far process");
  parts_->pusher =
      parts_->system.spawn([to = *to, push_bytes, in_flight](pusher_pointer self) -> caf::behavior {
        self->state.to = to;
        self->state.gradient =
            ops::tensor(ops::dtype::f32, {static_cast<std::int64_t>(push_bytes / sizeof(float))});
        std::ranges::fill(self->state.gradient.values<float>(), 0.5F);
        return {[self, in_flight](begin_atom, std::uint64_t count, std::uint64_t done) {
          self->state.left = count;
          self->state.done = reinterpret_cast<std::promise<void>*>(done);
          while (self->state.open < in_flight && self->state.left > 0) push_one(self);
        }};
      });
}

near_caf::~near_caf() {
  caf::anon_send_exit(parts_->pusher, caf::exit_reason::user_shutdown);
  const auto& with = parts_->with;
  parts_.reset();
  order what;
  what.kind = order_kind::close_caf;
  with.ask(what);
}

double near_caf::run(std::uint64_t count) {
  std::promise<void> done;
  auto ended = done.get_future();
  const auto start = std::chrono::steady_clock::now();
  caf::anon_send(parts_->pusher, begin_atom::value, count, reinterpret_cast<std::uint64_t>(&done));
  ended.get();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace lagrange::bench
