#include "runtime/computation.hpp"

#include "runtime/permutation.hpp"

#include "ops/norm.hpp"
#include "ops/processor.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

void to_floats(const batch& samples, ops::tensor& out) {
  if (out.empty() || out.extents() != samples.inputs.extents())
    out = ops::tensor(ops::dtype::f32, samples.inputs.extents());
  const auto values = out.values<float>();
  const auto convert = [&](auto x) {
    return static_cast<float>(x) * samples.scale + samples.shift;
  };
  if (samples.inputs.type() == ops::dtype::u8)
    std::ranges::transform(samples.inputs.values<std::uint8_t>(), values.begin(), convert);
  else
    std::ranges::transform(samples.inputs.values<float>(), values.begin(), convert);
}

computation::computation(std::unique_ptr<ops::network> network, partition parts, codecs travel,
                         std::size_t frame_elements)
    : network_(std::move(network)), parts_(std::move(parts)),
      frames_(parts_, network_->parameters(), frame_elements),
      pull_codec_(std::move(travel.pull)), memory_{.encoder = std::move(travel.encoder)} {
  std::size_t elements = 0;
  for (const auto& spec : network_->parameters()) {
    places_.push_back(elements);
    if (!spec.is_table()) elements += static_cast<std::size_t>(spec.extents.elements());
  }
  const table_split split(network_->parameters(), parts_.shards());
  if (!split.empty()) rows_.emplace(*network_, split, frame_elements);
  row_frames_.resize(parts_.shards());
  parameters_.resize(elements);
  d_parameters_.resize(elements);
  gradients_.resize(parts_.shards());
  gradient_.resize(parts_.shards());
}

void computation::take_parameters(std::span<const std::shared_ptr<const pull_reply>> parameters) {
  LAGRANGE_EXPECT(parameters.size() == parts_.shards(),
                  std::to_string(parameters.size()) + " shards answered");
  for (std::uint32_t shard = 0; shard < parts_.shards(); ++shard) {
    const auto& reply = *parameters[shard];
    if (reply.how.codec.empty()) {
      parts_.scatter({shard}, reply.parameters.values<float>(), parameters_);
      continue;
    }
    LAGRANGE_EXPECT(pull_codec_ && pull_codec_->name() == reply.how.codec,
                    "parameters coded as " + reply.how.codec);
    decoded_.resize(static_cast<std::size_t>(parts_.elements_of({shard})));
    const auto read =
        pull_codec_->decode(std::as_bytes(reply.parameters.values<std::uint8_t>()), decoded_);
    LAGRANGE_EXPECT(read, read.error().text);
    parts_.scatter({shard}, decoded_, parameters_);
  }
}

void computation::use_memory(const allocator& allocate) {
  if (rows_) rows_->use_memory(allocate);
  // One is computed while one is sent, and one waits to be used again.
  constexpr int turns = 3;
  for (std::uint32_t shard = 0; shard < parts_.shards(); ++shard) {
    const ops::shape extents{parts_.elements_of({shard})};
    if (extents.elements() == 0) continue;
    for (int turn = 0; turn < turns; ++turn)
      gradients_[shard].push_back(
          allocate(static_cast<std::size_t>(extents.elements()) * sizeof(float))
              .view(ops::dtype::f32, extents));
  }
}

const ops::tensor& computation::as_seen(const batch& samples) {
  if (samples.inputs.type() == ops::dtype::i32) return samples.inputs;
  to_floats(samples, inputs_);
  return inputs_;
}

ops::tensor& computation::free_gradient(shard_id shard) {
  auto& pool = gradients_[shard.value];
  for (auto& gradient : pool)
    if (!gradient.is_shared()) return gradient;
  return pool.emplace_back(ops::dtype::f32, ops::shape{parts_.elements_of(shard)});
}

step_result computation::operator()(const step_task& task, const part_sink& ready) {
  step_result result;
  result.cut = task.cut;
  // Before anything that was made or answered after the cut goes into the residual.
  if (std::exchange(memory_.cut, std::max(memory_.cut, task.cut)) < task.cut && memory_.encoder)
    result.kept = memory_.encoder->copy();
  if (memory_.encoder && !std::exchange(memory_.has_recovered, true))
    memory_.encoder->recover(task.parameters);
  if (memory_.encoder) memory_.encoder->settle(task.settled);
  take_parameters(task.parameters);
  LAGRANGE_EXPECT((task.plan != nullptr) == rows_.has_value(), "rows of a model without tables");
  if (rows_) rows_->take(*task.plan, task.rows);
  begin_push(task, ready);
  const auto& samples = task.grant->samples;
  result.what = task.what.id;
  result.samples = static_cast<std::uint32_t>(samples.labels.extents()[0]);
  const bool is_finite = memory_.local ? train_locally(task, result)
                                       : train(samples, step_key(seed_, task.what), task, result);
  if (!is_finite) result.verdict = push_verdict::skip;
  end_push(result, task.plan.get());
  if (memory_.encoder) result.unsent = memory_.encoder->residual_norm();
  return result;
}

bool computation::train(const batch& samples, std::uint64_t key, const step_task& task,
                        step_result& result) {
  result.loss =
      network_->train({.parameters = parameters_,
                       .inputs = rows_ ? task.plan->touched.inputs : as_seen(samples),
                       .labels = samples.labels.values<std::int32_t>(),
                       .d_parameters = d_parameters_,
                       .key = key,
                       .loss_scale = memory_.scale ? memory_.scale->value() : 1,
                       .observer = this,
                       .tables = rows_ ? rows_->tables() : std::span<const ops::table_part>()});
  if (rows_ && memory_.scale) rows_->scale_gradient(1 / memory_.scale->value());
  const auto norm = gradient_norm();
  const bool is_finite = std::isfinite(result.loss) && std::isfinite(norm);
  if (is_finite && clip_norm_ > 0 && norm > clip_norm_) result.clip_scale = clip_norm_ / norm;
  if (memory_.scale) is_finite ? memory_.scale->succeeded() : memory_.scale->overflowed();
  return is_finite;
}

namespace {

/// Some samples of a batch, whose memory they share. Shapes: x [B, ...] -> [count, ...].
ops::tensor some_of(const ops::tensor& x, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> extents(x.extents().extents().begin(), x.extents().extents().end());
  const auto bytes_each = x.size_bytes() / static_cast<std::size_t>(extents[0]);
  extents[0] = count;
  return x.view(x.type(), ops::shape(extents), static_cast<std::size_t>(first) * bytes_each);
}

} // namespace

/// A step that is not finite is left out, as a push would be.
bool computation::train_locally(const step_task& task, step_result& result) {
  const auto& all = task.grant->samples;
  const auto count = all.labels.extents()[0];
  memory_.local->begin(parameters_, task.parameters.front()->samples);
  std::int64_t taken = 0, number = 0;
  double loss = 0;
  for (std::int64_t first = 0; first < count; first += memory_.local->batch(), ++number) {
    const auto size = std::min<std::int64_t>(memory_.local->batch(), count - first);
    const batch part{some_of(all.inputs, first, size), some_of(all.labels, first, size), all.scale,
                     all.shift};
    const auto key = step_key(seed_, task.what) + static_cast<std::uint64_t>(number);
    step_result step;
    if (!train(part, key, task, step)) continue;
    memory_.local->step(parameters_, d_parameters_, step.clip_scale,
                        static_cast<std::uint64_t>(size));
    loss += step.loss;
    ++taken;
  }
  memory_.local->end(parameters_, d_parameters_);
  for (auto tensor = network_->parameters().size(); tensor-- > 0;) finish(tensor);
  if (taken > 0) result.loss = static_cast<float>(loss / static_cast<double>(taken));
  return taken > 0 && std::isfinite(gradient_norm());
}

void computation::begin_push(const step_task& task, const part_sink& ready) {
  what_ = {task.what.id, task.what.attempt};
  ready_ = ready ? &ready : nullptr;
  frames_.begin();
  finished_ = 0;
  made_.resize(parts_.shards());
  if (rows_)
    for (std::uint32_t shard = 0; shard < parts_.shards(); ++shard)
      row_frames_[shard] = rows_->frame_count(*task.plan, {shard});
  for (const auto& frame : frames_.all()) {
    if (frame.number > 0) continue;
    gradient_[frame.shard.value] = free_gradient(frame.shard);
    made_[frame.shard.value].resize(frame.frames);
  }
  if (memory_.encoder) memory_.encoder->begin(what_);
}

void computation::end_push(step_result& result, const row_plan* plan) {
  const bool is_sent = result.verdict == push_verdict::apply;
  LAGRANGE_EXPECT(finished_ == frames_.all().size(),
                  "a network that did not tell of every gradient that it was final");
  if (memory_.encoder) is_sent ? memory_.encoder->end() : memory_.encoder->abandon();
  if (is_sent && plan != nullptr)
    for (std::uint32_t shard = 0; shard < parts_.shards(); ++shard)
      for (auto& part : rows_->frames(*plan, {shard}))
        made_[shard].push_back({0, {}, {}, std::move(part.rows), std::move(part.gradient)});
  if (is_sent) result.parts = std::move(made_);
  made_.clear();
  std::ranges::fill(gradient_, ops::tensor());
  ready_ = nullptr;
}

void computation::on_final(std::size_t tensor) {
  if (memory_.scale) unscale(tensor);
  if (!memory_.local) finish(tensor);
}

void computation::finish(std::size_t tensor) {
  for (const auto index : frames_.on_final(tensor)) {
    const auto& frame = frames_.all()[index];
    ++finished_;
    const auto shard = frame.shard.value;
    auto values = gradient_[shard].slice(static_cast<std::int64_t>(frame.first),
                                         static_cast<std::int64_t>(frame.elements));
    frames_.gather(index, d_parameters_, values.values<float>());
    auto& part = made_[shard][frame.number];
    part = memory_.encoder ? memory_.encoder->encode(frame, std::as_const(values).values<float>())
                           : gradient_part{frame.first, std::move(values), {}, {}, {}};
    const auto frames = frame.frames + row_frames_[shard];
    const bool is_closing = frame.number + 1 == frames;
    if (ready_ != nullptr && !is_closing)
      (*ready_)({what_, frame.shard, frame.number, frames, part});
  }
}

void computation::compute_in(ops::dtype precision) {
  network_->compute_in(precision);
  memory_.scale.reset();
  if (precision == ops::dtype::f16) memory_.scale.emplace();
}

void computation::unscale(std::size_t tensor) {
  const auto& spec = network_->parameters()[tensor];
  if (spec.kind != ops::parameter_spec::kind_type::weight) return;
  const float back = 1 / memory_.scale->value();
  for (auto& each :
       std::span(d_parameters_)
           .subspan(places_[tensor], static_cast<std::size_t>(spec.extents.elements())))
    each *= back;
}

float computation::gradient_norm() const {
  double weights = 0, statistics = 0; // a sum of squares is finite only if every value is
  auto rest = std::span(d_parameters_);
  for (const auto& spec : network_->parameters()) {
    if (spec.is_table()) continue;
    const auto elements = static_cast<std::size_t>(spec.extents.elements());
    const bool is_weight = spec.kind == ops::parameter_spec::kind_type::weight;
    (is_weight ? weights : statistics) += ops::sum_of_squares(rest.first(elements));
    rest = rest.subspan(elements);
  }
  if (rows_) weights += rows_->sum_of_squares();
  return static_cast<float>(std::isfinite(statistics) ? std::sqrt(weights) : statistics);
}

const ops::touched_rows& computation::touch(const batch& samples) {
  network_->touch(samples.inputs, 0, touched_);
  return touched_;
}

ops::scores computation::evaluate(std::span<const std::shared_ptr<const pull_reply>> parameters,
                                  const batch& samples, const held_rows& tables) {
  take_parameters(parameters);
  const auto labels = samples.labels.values<std::int32_t>();
  if (!rows_) return network_->evaluate(parameters_, as_seen(samples), labels);
  rows_->take(touch(samples), tables);
  return network_->evaluate(parameters_, touched_.inputs, labels, rows_->tables());
}

void computation::compute_on(std::unique_ptr<ops::processor> where) {
  network_->compute_on(std::move(where));
}

} // namespace lagrange::runtime
