#include "ops/model.hpp"

#include "ops/loss.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lagrange::ops {

namespace {

/// A tape for each batch size that was seen: the usual one, and the smaller last one. One that does
/// not come back is forgotten when the room is needed.
class tapes {
public:
  tapes(pass_mode mode, dtype precision, processor& on)
      : mode_(mode), precision_(precision), on_(&on) {}
  tape& at(std::int64_t batch) {
    for (auto& [size, made] : kept_)
      if (size == batch) return *made;
    auto made = std::make_unique<tape>(mode_, precision_, *on_);
    if (kept_.size() < kept_max) {
      kept_.emplace_back(batch, std::move(made));
      return *kept_.back().second;
    }
    oldest_ = (oldest_ + 1) % kept_max;
    kept_[oldest_] = {batch, std::move(made)};
    return *kept_[oldest_].second;
  }

private:
  static constexpr std::size_t kept_max = 4;
  pass_mode mode_;
  dtype precision_;
  processor* on_;
  std::vector<std::pair<std::int64_t, std::unique_ptr<tape>>> kept_;
  std::size_t oldest_ = kept_max - 1;
};

class tape_network final : public network {
public:
  tape_network(std::unique_ptr<model> what, const shape& sample)
      : what_(std::move(what)), sample_(sample) {
    what_->build(list_);
    elements_ = parameter_elements(list_.specs());
  }

  std::span<const parameter_spec> parameters() const override { return list_.specs(); }

  float train(const training_pass& pass) override {
    LAGRANGE_EXPECT(std::ssize(pass.d_parameters) == elements_,
                    std::to_string(pass.d_parameters.size()) + " gradients for " +
                        std::to_string(elements_) + " parameters");
    auto& on = begin(training_, pass.inputs, pass.key);
    const auto loss = what_->loss(lay(on, pass));
    const float found = on.backward(loss, pass.observer, pass.loss_scale);
    values_.clear();
    return found;
  }

  void compute_in(dtype precision) override {
    precision_ = precision;
    make_tapes();
  }

  void compute_on(std::unique_ptr<processor> where) override {
    std::swap(on_, where);
    make_tapes(); // the old ones before what they computed on
  }

  scores evaluate(std::span<const float> parameters, const tensor& inputs,
                  std::span<const std::int32_t> labels,
                  std::span<const table_part> tables) override {
    auto& on = begin(evaluation_, inputs, 0);
    const auto found = what_->evaluate(lay(on, {.parameters = parameters,
                                                .inputs = inputs,
                                                .labels = labels,
                                                .d_parameters = {},
                                                .tables = tables}));
    values_.clear();
    return found;
  }

  void touch(const tensor& inputs, std::uint64_t key, touched_rows& out) override {
    check(inputs);
    what_->touch(inputs, key, out);
  }
  std::int64_t rows_touched_max(std::size_t position, const shape& inputs) const override {
    const auto& spec = list_.specs().at(position);
    if (!spec.is_table()) return 0;
    return std::min(spec.rows(), what_->rows_touched_max(position, inputs));
  }

private:
  void make_tapes() {
    values_.clear();
    training_ = {pass_mode::training, precision_, *on_};
    evaluation_ = {pass_mode::evaluation, precision_, *on_};
  }

  void check(const tensor& inputs) const {
    const auto extents = inputs.extents().extents();
    LAGRANGE_EXPECT(extents.size() == sample_.rank() + 1 && extents[0] > 0,
                    "inputs " + to_string(inputs.extents()) + " where one sample is " +
                        to_string(sample_));
  }

  tape& begin(tapes& from, const tensor& inputs, std::uint64_t key) {
    check(inputs);
    auto& on = from.at(inputs.extents()[0]);
    on.begin(key);
    return on;
  }

  model_pass lay(tape& on, const training_pass& of) {
    LAGRANGE_EXPECT(std::ssize(of.parameters) == elements_, std::to_string(of.parameters.size()) +
                                                                " parameters where the network " +
                                                                "has " + std::to_string(elements_));
    std::size_t first = 0, table = 0;
    values_.clear();
    for (std::size_t i = 0; i < list_.specs().size(); ++i) {
      if (list_.specs()[i].is_table()) {
        values_.push_back(lay_table(on, of, i, table++));
        continue;
      }
      const auto& extents = list_.specs()[i].extents;
      const auto count = static_cast<std::size_t>(extents.elements());
      values_.push_back(on.parameter(
          extents, of.parameters.subspan(first, count),
          of.d_parameters.empty() ? of.d_parameters : of.d_parameters.subspan(first, count), i));
      first += count;
    }
    // What is constant is only read.
    const view inputs{of.inputs.type(), const_cast<std::byte*>(of.inputs.bytes()),
                      static_cast<std::size_t>(of.inputs.elements())};
    const view labels{dtype::i32, const_cast<std::int32_t*>(of.labels.data()), of.labels.size()};
    return {values_, on.constant(of.inputs.extents(), inputs),
            on.constant({std::ssize(of.labels)}, labels)};
  }

  /// As many rows as a batch of this size can touch, so that operations are those of the step
  /// before.
  variable lay_table(tape& on, const training_pass& of, std::size_t position, std::size_t table) {
    const auto& spec = list_.specs()[position];
    const auto rows = rows_touched_max(position, of.inputs.extents());
    LAGRANGE_EXPECT(table < of.tables.size() &&
                        std::ssize(of.tables[table].values) == rows * spec.width(),
                    "a pass without " + std::to_string(rows) + " rows of " + spec.name);
    const auto extents = spec.extents.rank() > 1 ? shape{rows, spec.width()} : shape{rows};
    return on.parameter(extents, of.tables[table].values, of.tables[table].d_values, position);
  }

  std::unique_ptr<model> what_;
  shape sample_;
  parameter_list list_;
  std::int64_t elements_ = 0;
  dtype precision_ = dtype::f32;
  std::unique_ptr<processor> on_ = host_processor();
  tapes training_{pass_mode::training, precision_, *on_};
  tapes evaluation_{pass_mode::evaluation, precision_, *on_};
  std::vector<variable> values_;
};

class classifier final : public model {
public:
  classifier(std::unique_ptr<layer> body, const shape& sample, const classifier_options& options)
      : body_(std::move(body)), sample_(sample), options_(options) {}

  void build(parameter_list& into) override {
    const auto made = body_->build(into, sample_);
    if (options_.classes == 0) return;
    const auto [smoothing, classes, places] = options_;
    const auto wanted = places == 0 ? shape{classes} : shape{places, classes};
    if (made != wanted)
      throw std::invalid_argument("the last layer makes " + to_string(made) + " of each sample, " +
                                  "expected " + to_string(wanted) + ", one number for each class" +
                                  (places == 0 ? "" : " at each place"));
  }
  variable loss(const model_pass& pass) override {
    return softmax_cross_entropy(logits(pass), pass.labels, options_.smoothing);
  }
  scores evaluate(const model_pass& pass) override {
    return softmax_cross_entropy_scores(logits(pass).floats(), pass.labels.values<std::int32_t>());
  }

private:
  variable logits(const model_pass& pass) {
    LAGRANGE_EXPECT(
        std::ranges::equal(pass.inputs.extents().extents().subspan(1), sample_.extents()),
        "inputs " + to_string(pass.inputs.extents()) + " where one sample is " +
            to_string(sample_));
    auto made = body_->apply(pass.parameters, pass.inputs);
    const auto classes = made.extents()[made.extents().rank() - 1];
    LAGRANGE_EXPECT(made.elements() == classes * pass.labels.elements(),
                    "inputs " + to_string(pass.inputs.extents()) + " with " +
                        std::to_string(pass.labels.elements()) + " labels");
    return made;
  }

  std::unique_ptr<layer> body_;
  shape sample_;
  classifier_options options_;
};

} // namespace

void model::touch(const tensor&, std::uint64_t, touched_rows&) {
  LAGRANGE_EXPECT(false, "a model without tables touches no rows");
}

std::int64_t model::rows_touched_max(std::size_t, const shape&) const { return 0; }

std::unique_ptr<network> make_network(std::unique_ptr<model> what, const shape& sample) {
  return std::make_unique<tape_network>(std::move(what), sample);
}

std::unique_ptr<network> make_classifier(std::unique_ptr<layer> body, const shape& sample,
                                         const classifier_options& options) {
  return make_network(std::make_unique<classifier>(std::move(body), sample, options), sample);
}

} // namespace lagrange::ops
