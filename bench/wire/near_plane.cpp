#include "bench/wire/plane.hpp"
#include "runtime/wire.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace lagrange::bench {

using namespace runtime;
using transport::link_id;

namespace {

constexpr std::chrono::seconds window_max{20};

[[noreturn]] void give_up(const std::string& why) { throw ops::device_error("wire: " + why); }

order order_of(const plane_options& x) {
  order made;
  made.kind = order_kind::open_plane;
  made.role = x.role;
  made.is_tcp = x.is_tcp;
  made.spin_us = static_cast<std::uint32_t>(x.spin.count());
  made.bytes = x.bytes;
  return made;
}

} // namespace

transport::byte_options byte_options_of(std::uint64_t bytes, bool is_tcp,
                                        std::chrono::microseconds spin) {
  constexpr std::uint64_t mebibyte = 1 << 20;
  transport::byte_options made;
  made.ways = is_tcp ? transport::byte_ways::tcp : transport::byte_ways::shared_memory;
  made.spin = spin;
  made.credit_bytes = std::max(8 * mebibyte, 4 * bytes + mebibyte); // as make_plane_needs has it
  return made;
}

stamp stamp_of(actor_role role) { return {{7}, {1}, {1}, {role, 0}, {1}}; }

near_plane::near_plane(const process_pair& with, const plane_options& options,
                       const bare_memory& memory)
    : options_(options), memory_(memory) {
  const auto far = address_in(with.ask(order_of(options)));
  plane_ = transport::make_byte_endpoint(
               byte_options_of(options.bytes, options.is_tcp, options.spin), *this)
               .value();
  const auto elements = static_cast<std::int64_t>(options.bytes / sizeof(float));
  gradient_ = options.from == gradient_memory::plane
                  ? plane_->allocate(options.bytes).view(ops::dtype::f32, {elements})
                  : ops::tensor(ops::dtype::f32, {elements});
  std::ranges::fill(gradient_.values<float>(), 0.5F);
  link_ = plane_->connect(far).value();
}

double near_plane::run(std::uint64_t count) {
  left_ = count;
  plane_->post([this] { begin(); });
  if (!done_.try_acquire_for(window_max)) give_up("no answer for 20 s");
  return std::chrono::duration<double>(end_ - start_).count();
}

void near_plane::begin() {
  start_ = std::chrono::steady_clock::now();
  while (open_ < options_.in_flight && left_ > 0) begin_one();
}

void near_plane::begin_one() {
  --left_;
  ++open_;
  ++clock_;
  if (options_.goes != direction::pull) push();
  if (options_.goes != direction::push) pull();
}

void near_plane::push() {
  const auto elements = gradient_.elements();
  gradient_push frame;
  frame.from = stamp_of(actor_role::worker);
  frame.clock = {clock_};
  frame.what.id = {clock_};
  frame.what.attempt = {1};
  frame.frames =
      static_cast<std::uint32_t>((elements + frame_elements_max - 1) / frame_elements_max);
  frame.samples = 1;
  for (; frame.frame < frame.frames; ++frame.frame) {
    const auto first = (frame.frames - 1 - frame.frame) * frame_elements_max;
    frame.first = static_cast<std::uint64_t>(first);
    frame.gradient = gradient_.slice(first, std::min(frame_elements_max, elements - first));
    send(encode(frame));
  }
}

void near_plane::pull() {
  pull_request asked;
  asked.from = stamp_of(actor_role::worker);
  asked.clock = {clock_};
  send(encode(asked));
}

void near_plane::send(transport::frame what) {
  if (plane_->send(link_, std::move(what)) == 0) give_up("a frame was dropped");
}

void near_plane::on_frame(link_id, transport::frame what) {
  switch (kind_of(what)) {
  case frame_kind::push_ack: {
    const auto outcome = decode<push_ack>(what).value().outcome;
    if (outcome == push_outcome::taken) finish_one();
    if (outcome == push_outcome::duplicate) give_up("a push was taken for another");
    break;
  }
  case frame_kind::pull_reply:
    take(decode<pull_reply>(what).value());
    finish_one();
    break;
  case frame_kind::rejection:
    give_up(decode<rejection>(what).value().why.text);
  default:
    give_up("an answer to nothing");
  }
}

void near_plane::take(const pull_reply& reply) {
  if (reply.parameters.size_bytes() != options_.bytes) give_up("a pull of another size");
  // One at a time, everything is in order: the pull sees the push before it.
  if (options_.goes == direction::exchange && reply.version.value != clock_)
    give_up("a pull has overtaken a push");
  // By TCP they lie in this process's memory, where the bare receiver leaves its bytes too.
  if (!options_.is_tcp)
    std::memcpy(memory_.target.bytes().data(), reply.parameters.bytes(), options_.bytes);
}

void near_plane::finish_one() {
  const bool has_two = options_.goes == direction::both || options_.goes == direction::exchange;
  if (has_two && ++parts_ % 2 != 0) return;
  --open_;
  if (left_ > 0) {
    begin_one();
  } else if (open_ == 0) {
    end_ = std::chrono::steady_clock::now();
    done_.release();
  }
}

void near_plane::on_down(link_id, const error& why) { give_up(why.text); }

} // namespace lagrange::bench
