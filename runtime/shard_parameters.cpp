#include "runtime/shard_parameters.hpp"

#include "ops/parallel.hpp"
#include "runtime/permutation.hpp"
#include "runtime/wire.hpp"
#include "runtime/wire_checksum.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr auto block_elements = static_cast<std::size_t>(pull_reply::block_elements);

bool is_coded(const gradient_push& frame) { return !frame.how.codec.empty(); }
bool is_coded(const whole_push& push) {
  return std::ranges::any_of(push, [](const auto& frame) { return is_coded(*frame); });
}

using kind_type = ops::parameter_spec::kind_type;

/// How far one batch moves a running average: batch norm's customary tenth, over 1 + staleness.
/// Differences that are applied s updates late make an average swing where the step is over
/// s^s / (1+s)^(1+s), and grow without bound where it is over about 1.6 / s. This stays below the
/// first for every s.
float at_staleness(float share, std::uint64_t staleness) {
  return share / static_cast<float>(1 + staleness);
}

std::span<const std::byte> bytes_of(const gradient_push& frame) {
  return std::as_bytes(frame.gradient.values<std::uint8_t>());
}

} // namespace

std::uint32_t checksum_of(const whole_push& push) {
  std::uint32_t sum = 0;
  for (const auto& frame : push)
    for (const auto* each : {&frame->gradient, &frame->rows.rows, &frame->row_gradient})
      if (!each->empty())
        sum = crc32c({reinterpret_cast<const char*>(each->bytes()), each->size_bytes()}, sum);
  return sum;
}

shard_parameters::shard_parameters(parameter_options options)
    : options_(std::move(options)), tables_(std::move(options_.tables), options_.memory),
      nothing_(ops::dtype::f32, {0}), snapshot_(options_.memory),
      samples_applied_(options_.samples_applied) {
  LAGRANGE_EXPECT(options_.optimizer != nullptr, "a shard without optimizer");
  LAGRANGE_EXPECT(!options_.values.empty() || !tables_.empty(), "a shard without parameters");
  if (options_.push_codec) push_codec_ = options_.push_codec->name();
  for (const auto& range : options_.tensors)
    if (pushed_.size() <= range.tensor) pushed_.resize(range.tensor + 1);
  for (const auto& table : tables_.tables())
    if (pushed_.size() <= table.shape.tensor) pushed_.resize(table.shape.tensor + 1);
  pulled_.resize(pushed_.size());
  for (const auto& range : options_.tensors)
    if (!kinds_.empty() && kinds_.back().kind == range.kind)
      kinds_.back().elements += range.elements;
    else
      kinds_.push_back(range);
  if (kinds_.empty()) kinds_.push_back({0, 0, size()});
  changed_.resize((size() + block_elements - 1) / block_elements);
}

// ---- pushes -------------------------------------------------------------------------------------

void shard_parameters::count(std::vector<std::uint64_t>& by_tensor, std::size_t first,
                             std::size_t elements) const {
  for (const auto& range : options_.tensors) {
    const auto begin = std::max(first, range.first);
    const auto end = std::min(first + elements, range.first + range.elements);
    if (begin < end) by_tensor[range.tensor] += end - begin;
  }
}

void shard_parameters::count_rows(std::vector<std::uint64_t>& by_tensor,
                                  const table_rows& rows) const {
  for (std::size_t table = 0; table < rows.counts.size(); ++table) {
    const auto& shape = tables_.tables()[table].shape;
    by_tensor[shape.tensor] += rows.counts[table] * static_cast<std::uint64_t>(shape.width);
  }
}

/// What a codec left out did not come.
void shard_parameters::count_push(const whole_push& push) {
  for (const auto& frame : push) count_rows(pushed_, frame->rows);
  const bool selects = is_coded(push) && options_.push_codec->selects();
  if (!selects) return count(pushed_, 0, size());
  for (const auto& range : options_.tensors) {
    const auto part = std::span(scratch_).subspan(range.first, range.elements);
    pushed_[range.tensor] += static_cast<std::uint64_t>(
        std::ranges::count_if(part, [](float value) { return value != 0; }));
  }
}

error shard_parameters::decode(const whole_push& push) {
  if (push.back()->verdict != push_verdict::apply) return {};
  if (!is_coded(push)) {
    count_push(push);
    return {};
  }
  scratch_.resize(size());
  for (const auto& frame : push) {
    if (frame->gradient.empty()) continue;
    if (!is_coded(*frame)) return {errc::bad_frame, "has frames of two codings"};
    const auto part = std::span(scratch_).subspan(static_cast<std::size_t>(frame->first),
                                                  static_cast<std::size_t>(frame->how.elements));
    if (const auto read = options_.push_codec->decode(bytes_of(*frame), part); !read)
      return read.error();
  }
  count_push(push);
  return {};
}

error shard_parameters::find_repeated_row(const whole_push& push) const {
  std::vector<std::int64_t> last(tables_.tables().size(), -1);
  for (const auto& frame : push) {
    if (frame->rows.empty()) continue;
    auto rest = frame->rows.rows.values<std::int32_t>();
    for (std::size_t table = 0; table < last.size(); ++table) {
      const auto rows = rest.first(frame->rows.counts[table]);
      rest = rest.subspan(rows.size());
      if (rows.empty()) continue;
      if (rows.front() <= last[table])
        return {errc::bad_frame, "has row " + std::to_string(rows.front()) + " of table " +
                                     std::to_string(table) + " twice, or out of order"};
      last[table] = rows.back();
    }
  }
  return {};
}

shard_parameters::scales shard_parameters::scales_of(const gradient_push& closing, float share,
                                                     std::uint64_t staleness) const {
  const auto weight = options_.weight ? static_cast<float>(options_.weight->of(staleness)) : 1.0F;
  return {share * closing.clip_scale * weight,
          share * at_staleness(options_.statistic_share, staleness)};
}

void shard_parameters::apply(const whole_push& push, std::uint64_t staleness, shard_version becomes,
                             std::span<const float> then) {
  const auto& closing = *push.back();
  const auto by = scales_of(closing, 1, staleness);
  then_ = then;
  clip_scale_ = closing.clip_scale;
  begin_step(closing.samples);
  if (is_coded(push)) {
    step_part(0, scratch_, by, becomes);
  } else {
    for (const auto& frame : push)
      if (!frame->gradient.empty())
        step_part(static_cast<std::size_t>(frame->first), frame->gradient.values<float>(), by,
                  becomes);
  }
  for (const auto& frame : push)
    if (!frame->rows.empty())
      tables_.step(frame->rows, frame->row_gradient.values<float>(), by.weight);
  then_ = {};
  end_step();
}

void shard_parameters::begin_sum() {
  scratch_.assign(size(), 0);
  tables_.begin_sum();
  samples_summed_ = 0;
}

void shard_parameters::add(const whole_push& push, float share, std::uint64_t staleness) {
  const auto& closing = *push.back();
  const auto by = scales_of(closing, share, staleness);
  samples_summed_ += closing.samples;
  for (const auto& frame : push) {
    if (!frame->rows.empty())
      tables_.add(frame->rows, frame->row_gradient.values<float>(), by.weight);
    if (frame->gradient.empty()) continue;
    auto part = is_coded(*frame) ? std::span<const float>() : frame->gradient.values<float>();
    if (is_coded(*frame)) {
      part_.resize(static_cast<std::size_t>(frame->how.elements));
      LAGRANGE_EXPECT(options_.push_codec->decode(bytes_of(*frame), part_),
                      "a push that was not decoded before it was taken");
      part = part_;
    }
    const auto first = static_cast<std::size_t>(frame->first);
    each_kind(first, part.size(), [&](const tensor_range& range) {
      const auto weight = by.of(range.kind);
      auto* sum = scratch_.data() + range.first;
      const auto* from = part.data() + (range.first - first);
      for (std::size_t i = 0; i < range.elements; ++i) sum[i] += weight * from[i];
    });
  }
}

void shard_parameters::apply_sum(shard_version becomes) {
  begin_step(samples_summed_);
  step_part(0, scratch_, {1, 1}, becomes);
  tables_.step_sum();
  end_step();
}

// ---- steps --------------------------------------------------------------------------------------

template <class Work>
void shard_parameters::each_kind(std::size_t first, std::size_t elements, const Work& work) const {
  for (const auto& range : kinds_) {
    const auto begin = std::max(first, range.first);
    const auto end = std::min(first + elements, range.first + range.elements);
    if (begin < end) work(tensor_range{range.tensor, begin, end - begin, range.kind});
  }
}

void shard_parameters::begin_step(std::uint64_t samples) {
  const auto share = options_.rate.share(samples_applied_, samples);
  options_.optimizer->begin_step(share);
  tables_.begin_step(share);
  samples_applied_ += samples;
}

void shard_parameters::step_part(std::size_t first, std::span<const float> gradient, scales by,
                                 shard_version becomes) {
  each_kind(first, gradient.size(), [&](const tensor_range& range) {
    const auto part = gradient.subspan(range.first - first, range.elements);
    if (range.kind == kind_type::weight) return step_weights(range.first, part, by.weight);
    auto* values = options_.values.data() + range.first;
    for (std::size_t i = 0; i < part.size(); ++i) values[i] -= by.statistic * part[i];
  });
  mark_changed(first, gradient, becomes);
}

void shard_parameters::step_weights(std::size_t first, std::span<const float> gradient,
                                    float scale) {
  const auto parameters = std::span(options_.values).subspan(first, gradient.size());
  if (!then_.empty()) {
    gradient = compensate(first, gradient);
    scale /= clip_scale_; // it is in there
  }
  ops::in_parts(gradient.size(), options_.threads, [&](std::size_t at, std::size_t count) {
    options_.optimizer->step_part(first + at, parameters.subspan(at, count),
                                  gradient.subspan(at, count), scale);
  });
}

/// The gradient as it might be now, times its clip scale.
std::span<const float> shard_parameters::compensate(std::size_t first,
                                                    std::span<const float> gradient) {
  compensated_.resize(size());
  const auto out = std::span(compensated_).subspan(first, gradient.size());
  const auto now = values().subspan(first, gradient.size());
  const auto then = then_.subspan(first, gradient.size());
  ops::in_parts(gradient.size(), options_.threads, [&](std::size_t at, std::size_t count) {
    options_.compensation->apply({first + at, gradient.subspan(at, count), clip_scale_,
                                  now.subspan(at, count), then.subspan(at, count)},
                                 out.subspan(at, count));
  });
  return out;
}

void shard_parameters::mark_changed(std::size_t first, std::span<const float> gradient,
                                    shard_version becomes) {
  const bool rests = options_.optimizer->rests_at_zero();
  for (std::size_t at = 0; at < gradient.size();) {
    const auto block = (first + at) / block_elements;
    const auto end = std::min(gradient.size(), (block + 1) * block_elements - first);
    const auto part = gradient.subspan(at, end - at);
    if (!rests || std::ranges::any_of(part, [](float x) { return x != 0; }))
      changed_[block] = becomes;
    at = end;
  }
}

void shard_parameters::end_step() {
  const auto end = [&](const tensor_range& range) {
    if (range.kind == kind_type::weight)
      options_.optimizer->end_tensor(
          range.first, std::span(options_.values).subspan(range.first, range.elements),
          options_.threads);
  };
  std::ranges::for_each(options_.tensors.empty() ? kinds_ : options_.tensors, end);
}

// ---- pulls --------------------------------------------------------------------------------------

error shard_parameters::find_defect(const table_rows& asked) const {
  if (auto found = tables_.find_defect(asked); found.code != errc::none) return found;
  const auto bytes = (size() + tables_.elements_of(asked)) * sizeof(float);
  if (asked.empty() || bytes <= wire_limits::frame_bytes_max) return {};
  return {errc::bad_frame, "asks for " + std::to_string(bytes) + " bytes, expected at most " +
                               std::to_string(wire_limits::frame_bytes_max)};
}

ops::tensor shard_parameters::read_rows(const table_rows& rows) {
  count_rows(pulled_, rows);
  return tables_.read(rows);
}

const ops::tensor& shard_parameters::snapshot(shard_version now) {
  if (options_.values.empty()) return nothing_;
  return snapshot_.publish(options_.values, now);
}

void shard_parameters::publish(shard_version now, std::optional<shard_version> held,
                               pull_reply& reply) {
  if (options_.values.empty()) {
    reply.parameters = nothing_;
    return;
  }
  const bool may_send_blocks = options_.sends_changed_blocks && !options_.pull_codec;
  if (held && may_send_blocks && publish_blocks(*held, reply)) return;
  count(pulled_, 0, size());
  if (options_.pull_codec) return publish_coded(now, reply);
  reply.parameters = snapshot(now);
}

/// False: so many blocks have changed that the whole is hardly more.
bool shard_parameters::publish_blocks(shard_version held, pull_reply& reply) {
  std::vector<std::int32_t> blocks;
  std::vector<float> values;
  for (std::size_t block = 0; block < changed_.size(); ++block) {
    if (changed_[block] <= held) continue;
    blocks.push_back(static_cast<std::int32_t>(block));
    if (blocks.size() * 2 > changed_.size()) return false;
    const auto rest = std::span(options_.values).subspan(block * block_elements);
    const auto part = rest.first(std::min(block_elements, rest.size()));
    values.insert(values.end(), part.begin(), part.end());
  }
  if (blocks.empty()) return false; // no frame says "some, and these are none"
  for (const auto block : blocks)
    count(pulled_, static_cast<std::size_t>(block) * block_elements,
          std::min(block_elements, size() - static_cast<std::size_t>(block) * block_elements));
  reply.blocks = ops::tensor(ops::dtype::i32, {static_cast<std::int64_t>(blocks.size())});
  std::ranges::copy(blocks, reply.blocks.values<std::int32_t>().begin());
  reply.parameters = ops::tensor(ops::dtype::f32, {static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, reply.parameters.values<float>().begin());
  return true;
}

void shard_parameters::publish_coded(shard_version now, pull_reply& reply) {
  auto& codec = *options_.pull_codec;
  if (coded_.empty() || coded_at_ != now) { // once a version, whoever asks
    scratch_.assign(options_.values.begin(), options_.values.end());
    ops::tensor room(ops::dtype::u8, {static_cast<std::int64_t>(codec.bytes_max(size()))});
    const auto bytes = codec.encode(scratch_, mix(options_.seed ^ mix(now.value)),
                                    std::as_writable_bytes(room.values<std::uint8_t>()));
    coded_ = room.slice(0, static_cast<std::int64_t>(bytes));
    coded_at_ = now;
  }
  reply.parameters = coded_;
  reply.how = {codec.name(), size()};
}

} // namespace lagrange::runtime
