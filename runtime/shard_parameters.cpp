#include "runtime/shard_parameters.hpp"

#include "runtime/permutation.hpp"

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr auto block_elements = static_cast<std::size_t>(pull_reply::block_elements);

bool is_coded(const gradient_push& frame) { return !frame.how.codec.empty(); }

std::span<const std::byte> bytes_of(const gradient_push& frame) {
  return std::as_bytes(frame.gradient.values<std::uint8_t>());
}

} // namespace

shard_parameters::shard_parameters(parameter_options options)
    : options_(std::move(options)), snapshot_(options_.memory) {
  LAGRANGE_EXPECT(options_.optimizer != nullptr, "a shard without optimizer");
  LAGRANGE_EXPECT(!options_.values.empty(), "a shard without parameters");
  if (options_.push_codec) push_codec_ = options_.push_codec->name();
  changed_.resize((size() + block_elements - 1) / block_elements);
}

// ---- pushes -------------------------------------------------------------------------------------

error shard_parameters::decode(const whole_push& push) {
  if (push.back()->verdict != push_verdict::apply || !is_coded(*push.front())) return {};
  scratch_.resize(size());
  for (const auto& frame : push) {
    if (!is_coded(*frame)) return {errc::bad_frame, "has frames of two codings"};
    const auto part = std::span(scratch_).subspan(static_cast<std::size_t>(frame->first),
                                                  static_cast<std::size_t>(frame->how.elements));
    if (const auto read = options_.push_codec->decode(bytes_of(*frame), part); !read)
      return read.error();
  }
  return {};
}

void shard_parameters::apply(const whole_push& push, float scale, shard_version becomes) {
  options_.optimizer->begin_step();
  if (is_coded(*push.front())) return step_part(0, scratch_, scale, becomes);
  for (const auto& frame : push)
    step_part(static_cast<std::size_t>(frame->first), frame->gradient.values<float>(), scale,
              becomes);
}

void shard_parameters::begin_sum() { scratch_.assign(size(), 0); }

void shard_parameters::add(const whole_push& push, float weight) {
  for (const auto& frame : push) {
    auto part = is_coded(*frame) ? std::span<const float>() : frame->gradient.values<float>();
    if (is_coded(*frame)) {
      part_.resize(static_cast<std::size_t>(frame->how.elements));
      LAGRANGE_EXPECT(options_.push_codec->decode(bytes_of(*frame), part_),
                      "a push that was not decoded before it was taken");
      part = part_;
    }
    auto* sum = scratch_.data() + frame->first;
    for (std::size_t i = 0; i < part.size(); ++i) sum[i] += weight * part[i];
  }
}

void shard_parameters::apply_sum(shard_version becomes) {
  options_.optimizer->begin_step();
  step_part(0, scratch_, 1, becomes);
}

void shard_parameters::step_part(std::size_t first, std::span<const float> gradient, float scale,
                                 shard_version becomes) {
  options_.optimizer->step_part(first, std::span(options_.values).subspan(first, gradient.size()),
                                gradient, scale);
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

// ---- pulls --------------------------------------------------------------------------------------

const ops::tensor& shard_parameters::snapshot(shard_version now) {
  return snapshot_.publish(options_.values, now);
}

void shard_parameters::publish(shard_version now, std::optional<shard_version> held,
                               pull_reply& reply) {
  if (options_.pull_codec) return publish_coded(now, reply);
  if (held && options_.sends_changed_blocks && publish_blocks(*held, reply)) return;
  reply.parameters = snapshot(now);
}

/// False: so many blocks have changed that the whole is hardly more.
bool shard_parameters::publish_blocks(shard_version held, pull_reply& reply) const {
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
