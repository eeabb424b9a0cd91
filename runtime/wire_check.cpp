#include "runtime/wire_check.hpp"

#include "runtime/wire.hpp"
#include "runtime/wire_frame.hpp"

#include <fmt/format.h>

#include <cmath>

namespace lagrange::runtime {

namespace {

std::string text(const ops::tensor& x) {
  if (x.empty()) return "no tensor";
  return fmt::format("{} {}", ops::name(x.type()), ops::to_string(x.extents()));
}

/// Collects the first broken rule of one message.
class rules {
public:
  explicit rules(schema::FrameKind kind) : kind_(kind) {}

  void require(bool holds, std::string_view field, const std::string& found,
               const std::string& expected) {
    if (!holds && !broken_) broken_ = bad_field(name(kind_), field, found, expected);
  }
  void finite(std::string_view field, float x) {
    require(std::isfinite(x), field, std::to_string(x), "a finite number");
  }
  void absent(std::string_view field, const ops::tensor& x, std::string_view because) {
    require(x.empty(), field, text(x), fmt::format("no tensor, because {}", because));
  }
  void vector(std::string_view field, const ops::tensor& x, ops::dtype type) {
    require(!x.empty() && x.type() == type && x.extents().rank() == 1, field, text(x),
            fmt::format("{} [N]", ops::name(type)));
  }
  void numbers(std::string_view field, const ops::tensor& x, const coding& how) {
    vector(field, x, how.codec.empty() ? ops::dtype::f32 : ops::dtype::u8);
  }
  void lease_of(const lease& x) {
    require(x.round_size <= wire_limits::round_leases_max, "what.round_size",
            std::to_string(x.round_size),
            fmt::format("at most {} leases", wire_limits::round_leases_max));
  }
  std::optional<error> broken() { return std::move(broken_); }

private:
  schema::FrameKind kind_;
  std::optional<error> broken_;
};

void check_batch(rules& is, const batch& x) {
  using ops::dtype;
  is.vector("samples.labels", x.labels, dtype::i32);
  const auto labelled = x.labels.empty() ? 0 : x.labels.elements();
  const auto& inputs = x.inputs;
  const bool typed = inputs.type() == dtype::u8 || inputs.type() == dtype::f32;
  is.require(
      !inputs.empty() && typed && inputs.extents().rank() >= 1 && labelled >= 1 &&
          inputs.extents()[0] == labelled,
      "samples.inputs", text(inputs),
      fmt::format("u8 or f32 [{}, ...], a sample for each label and at least one", labelled));
  is.finite("samples.scale", x.scale);
  is.finite("samples.shift", x.shift);
}

} // namespace

std::optional<error> defect_of(const lease_grant& x) {
  rules is(schema::FrameKind::LEASE_GRANT);
  is.lease_of(x.what);
  if (x.kind == grant_kind::batch) {
    check_batch(is, x.samples);
  } else {
    is.absent("samples.inputs", x.samples.inputs, "no batch is granted");
    is.absent("samples.labels", x.samples.labels, "no batch is granted");
  }
  return is.broken();
}

// Any value of these is one that may be said; whether it is true the twins decide.
std::optional<error> defect_of(const lease_request&) { return std::nullopt; }
std::optional<error> defect_of(const pull_request&) { return std::nullopt; }
std::optional<error> defect_of(const push_ack&) { return std::nullopt; }
std::optional<error> defect_of(const snapshot_request&) { return std::nullopt; }
std::optional<error> defect_of(const rejection&) { return std::nullopt; }

namespace {
/// Blocks ascend, and `parameters` is as long as they say.
void check_blocks(rules& is, const pull_reply& x) {
  is.vector("blocks", x.blocks, ops::dtype::i32);
  is.require(x.changed && x.how.codec.empty(), "blocks", text(x.blocks),
             "no tensor, because all parameters come, or none");
  if (x.blocks.empty() || x.blocks.type() != ops::dtype::i32) return;
  std::int64_t before = -1;
  for (const auto block : x.blocks.values<std::int32_t>()) {
    is.require(block > before, "blocks", fmt::format("{} after {}", block, before), "ascending");
    before = block;
  }
  const auto whole = x.blocks.elements() * pull_reply::block_elements;
  const auto found = x.parameters.empty() ? 0 : x.parameters.elements();
  is.require(
      found > whole - pull_reply::block_elements && found <= whole, "parameters",
      text(x.parameters),
      fmt::format("f32 [N] of {} blocks, of which the last may be short", x.blocks.elements()));
}
} // namespace

std::optional<error> defect_of(const pull_reply& x) {
  rules is(schema::FrameKind::PULL_REPLY);
  if (x.changed)
    is.numbers("parameters", x.parameters, x.how);
  else
    is.absent("parameters", x.parameters, "nothing has changed");
  if (!x.blocks.empty()) check_blocks(is, x);
  return is.broken();
}

std::optional<error> defect_of(const gradient_push& x) {
  rules is(schema::FrameKind::GRADIENT_PUSH);
  is.lease_of(x.what);
  is.require(x.frames >= 1 && x.frames <= wire_limits::frames_max, "frames",
             std::to_string(x.frames), fmt::format("1 to {}", wire_limits::frames_max));
  is.require(x.frame < x.frames, "frame", std::to_string(x.frame),
             fmt::format("less than {}, the frames of the push", x.frames));
  is.require(x.first <= wire_limits::shard_elements_max, "first", std::to_string(x.first),
             fmt::format("at most {}", wire_limits::shard_elements_max));
  is.finite("clip_scale", x.clip_scale);
  if (x.verdict != push_verdict::apply)
    is.absent("gradient", x.gradient, "nothing of this push is applied");
  else if (!x.gradient.empty())
    is.numbers("gradient", x.gradient, x.how);
  return is.broken();
}

} // namespace lagrange::runtime
