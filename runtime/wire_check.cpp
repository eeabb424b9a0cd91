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

std::optional<error> defect_of(const pull_request&) { return std::nullopt; }

std::optional<error> defect_of(const pull_reply& x) {
  rules is(schema::FrameKind::PULL_REPLY);
  if (x.changed)
    is.vector("parameters", x.parameters, ops::dtype::f32);
  else
    is.absent("parameters", x.parameters, "nothing has changed");
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
    is.vector("gradient", x.gradient, ops::dtype::f32);
  return is.broken();
}

} // namespace lagrange::runtime
