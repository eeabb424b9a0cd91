#include "runtime/wire_check.hpp"

#include "runtime/wire.hpp"
#include "runtime/wire_frame.hpp"

#include <fmt/format.h>

#include <algorithm>
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

  bool holds(bool is_kept) const { return is_kept || broken_; }
  /// Texts are made only where a rule is broken: every message of every step is checked.
  void refuse(std::string_view field, const std::string& found, const std::string& expected) {
    broken_ = bad_field(name(kind_), field, found, expected);
  }
  void finite(std::string_view field, float x) {
    if (!holds(std::isfinite(x))) refuse(field, std::to_string(x), "a finite number");
  }
  void share(std::string_view field, float x) {
    if (!holds(x >= 0 && x <= 1)) refuse(field, std::to_string(x), "a number from 0 to 1");
  }
  void absent(std::string_view field, const ops::tensor& x, std::string_view because) {
    if (!holds(x.empty())) refuse(field, text(x), fmt::format("no tensor, because {}", because));
  }
  void vector(std::string_view field, const ops::tensor& x, ops::dtype type) {
    if (!holds(!x.empty() && x.type() == type && x.extents().rank() == 1))
      refuse(field, text(x), fmt::format("{} [N]", ops::name(type)));
  }
  void at_most(std::string_view field, std::uint64_t x, std::uint64_t high, std::string_view what) {
    if (!holds(x <= high))
      refuse(field, std::to_string(x), fmt::format("at most {}{}", high, what));
  }
  void numbers(std::string_view field, const ops::tensor& x, const coding& how) {
    vector(field, x, how.codec.empty() ? ops::dtype::f32 : ops::dtype::u8);
  }
  /// Those of each table ascend.
  void rows_of(const table_rows& x) {
    if (x.empty()) return;
    vector("rows.rows", x.rows, ops::dtype::i32);
    if (broken_) return;
    auto rest = x.rows.values<std::int32_t>();
    for (const auto count : x.counts) {
      std::int64_t before = -1;
      for (const auto row : rest.first(std::min<std::size_t>(count, rest.size()))) {
        if (!holds(row > before))
          refuse("rows.rows", fmt::format("{} after {}", row, before), "ascending from 0 on");
        before = row;
      }
      if (!holds(count <= rest.size()))
        refuse("rows.counts", fmt::format("{} more", count), fmt::format("{} rows", rest.size()));
      rest = rest.subspan(std::min<std::size_t>(count, rest.size()));
    }
    if (!holds(rest.empty()))
      refuse("rows.rows", fmt::format("longer by {}", rest.size()), "as long as rows.counts say");
  }
  void lease_of(const lease& x) {
    at_most("what.round_size", x.round_size, wire_limits::round_leases_max, " leases");
    if (!holds(x.batches >= 1 && x.batches <= wire_limits::lease_batches_max))
      refuse("what.batches", std::to_string(x.batches),
             fmt::format("1 to {}", wire_limits::lease_batches_max));
    at_most("what.id", x.id.value, wire_limits::lease_ids_max, "");
  }
  std::optional<error> broken() { return std::move(broken_); }

private:
  schema::FrameKind kind_;
  std::optional<error> broken_;
};

void check_batch(rules& is, const batch& x) {
  using ops::dtype;
  const auto& inputs = x.inputs;
  const auto& labels = x.labels;
  const bool is_for_tokens = !labels.empty() && labels.extents().rank() == 2;
  if (is_for_tokens) {
    if (!is.holds(labels.type() == dtype::i32 && !inputs.empty() && inputs.type() == dtype::i32 &&
                  inputs.extents() == labels.extents()))
      is.refuse("samples.labels", text(labels),
                fmt::format("i32 [N], or a label for each token of {}", text(inputs)));
  } else {
    is.vector("samples.labels", labels, dtype::i32);
  }
  const auto labelled = labels.empty() || labels.extents().rank() == 0 ? 0 : labels.extents()[0];
  const bool typed =
      inputs.type() == dtype::u8 || inputs.type() == dtype::f32 || inputs.type() == dtype::i32;
  if (!is.holds(!inputs.empty() && typed && inputs.extents().rank() >= 1 && labelled >= 1 &&
                inputs.extents()[0] == labelled))
    is.refuse("samples.inputs", text(inputs),
              fmt::format("u8, f32 or i32 [{}, ...], a sample for each label and at least one",
                          labelled));
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
std::optional<error> defect_of(const push_ack&) { return std::nullopt; }
std::optional<error> defect_of(const rejection&) { return std::nullopt; }
std::optional<error> defect_of(const shard_input&) { return std::nullopt; }
std::optional<error> defect_of(const input_ack&) { return std::nullopt; }
std::optional<error> defect_of(const filling_piece& x) {
  rules is(schema::FrameKind::SHARD_FILLING);
  if (!x.bytes.empty()) is.vector("bytes", x.bytes, ops::dtype::u8);
  return is.broken();
}

std::optional<error> defect_of(const lease_request& x) {
  rules is(schema::FrameKind::LEASE_REQUEST);
  if (!is.holds(x.batch_time.count() >= 0))
    is.refuse("batch_time", std::to_string(static_cast<std::uint64_t>(x.batch_time.count())),
              "at most 2^63 - 1 nanoseconds");
  return is.broken();
}

std::optional<error> defect_of(const pull_request& x) {
  rules is(schema::FrameKind::PULL_REQUEST);
  is.rows_of(x.rows);
  return is.broken();
}

std::optional<error> defect_of(const snapshot_request& x) {
  rules is(schema::FrameKind::SNAPSHOT_REQUEST);
  is.rows_of(x.rows);
  return is.broken();
}

namespace {
/// Blocks ascend, and `parameters` is as long as they say.
void check_blocks(rules& is, const pull_reply& x) {
  is.vector("blocks", x.blocks, ops::dtype::i32);
  if (!is.holds(x.changed && x.how.codec.empty()))
    is.refuse("blocks", text(x.blocks), "no tensor, because all parameters come, or none");
  if (x.blocks.empty() || x.blocks.type() != ops::dtype::i32) return;
  std::int64_t before = -1;
  for (const auto block : x.blocks.values<std::int32_t>()) {
    if (!is.holds(block > before))
      is.refuse("blocks", fmt::format("{} after {}", block, before), "ascending");
    before = block;
  }
  const auto whole = x.blocks.elements() * pull_reply::block_elements;
  const auto found = x.parameters.empty() ? 0 : x.parameters.elements();
  if (!is.holds(found > whole - pull_reply::block_elements && found <= whole))
    is.refuse(
        "parameters", text(x.parameters),
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
  if (!x.rows.empty()) is.vector("rows", x.rows, ops::dtype::f32);
  return is.broken();
}

namespace {
void check_row_gradient(rules& is, const gradient_push& x) {
  is.rows_of(x.rows);
  if (x.verdict != push_verdict::apply || x.rows.empty()) {
    is.absent("row_gradient", x.row_gradient, "this frame has no rows to be applied");
    is.absent("rows.rows", x.rows.rows, "nothing of this push is applied");
  } else {
    is.vector("row_gradient", x.row_gradient, ops::dtype::f32);
  }
}
} // namespace

std::optional<error> defect_of(const gradient_push& x) {
  rules is(schema::FrameKind::GRADIENT_PUSH);
  is.lease_of(x.what);
  if (!is.holds(x.frames >= 1 && x.frames <= wire_limits::frames_max))
    is.refuse("frames", std::to_string(x.frames), fmt::format("1 to {}", wire_limits::frames_max));
  if (!is.holds(x.frame < x.frames))
    is.refuse("frame", std::to_string(x.frame),
              fmt::format("less than {}, the frames of the push", x.frames));
  is.at_most("first", x.first, wire_limits::shard_elements_max, "");
  is.share("clip_scale", x.clip_scale);
  if (x.verdict != push_verdict::apply)
    is.absent("gradient", x.gradient, "nothing of this push is applied");
  else if (!x.gradient.empty())
    is.numbers("gradient", x.gradient, x.how);
  check_row_gradient(is, x);
  return is.broken();
}

} // namespace lagrange::runtime
