#include "ops/models.hpp"

#include "ops/layers.hpp"
#include "ops/model.hpp"
#include "ops/model_makers.hpp"

#include <array>
#include <stdexcept>

namespace lagrange::ops {

namespace {

std::unique_ptr<network> make_softmax(const model_input& input, const model_settings&);
std::unique_ptr<network> make_mlp(const model_input& input, const model_settings&);
std::unique_ptr<network> make_lenet(const model_input& input, const model_settings&);

constexpr auto table = std::to_array<model_row>({
    {"softmax", "one linear layer: logistic regression, 7,850 parameters for 28x28 and 10 classes",
     &make_softmax},
    {"mlp", "two hidden layers of 256 and 128 with ReLU, for samples of any shape", &make_mlp},
    {"lenet", "LeNet-5 with ReLU and max pooling, for images of at least 12x12", &make_lenet},
    {"resnet20", "a residual network of 20 layers for small images, 269,722 parameters",
     &make_resnet20},
    {"gpt", "a transformer with a causal mask that predicts the next token", &make_gpt,
     sample_kind::tokens, gpt_settings},
    {"logistic", "logistic regression on rows of few features out of many", &make_logistic,
     sample_kind::sparse_rows},
    {"mf", "matrix factorisation with biases: how well the rows of two tables suit each other",
     &make_mf, sample_kind::pairs, mf_settings},
    {"skipgram", "word vectors by telling what stands near from what was drawn", &make_skipgram,
     sample_kind::pairs, skipgram_settings},
    {"count", "counts updates: every gradient is 1, which sgd at rate 1 adds up exactly",
     &make_count, sample_kind::numbers, count_settings},
});

void check(const model_input& input, std::string_view name) {
  if (input.classes >= 2 && input.extents.elements() > 0) return;
  throw std::invalid_argument("model " + std::string(name) +
                              " needs at least 2 classes and samples that are not empty, not " +
                              std::to_string(input.classes) + " classes of " +
                              to_string(input.extents));
}

std::unique_ptr<network> make_softmax(const model_input& input, const model_settings&) {
  check(input, "softmax");
  auto body = std::make_unique<sequential>();
  body->add("linear", linear(input.classes));
  return make_classifier(std::move(body), input.extents);
}

std::unique_ptr<network> make_mlp(const model_input& input, const model_settings&) {
  check(input, "mlp");
  auto body = std::make_unique<sequential>();
  body->add("linear1", linear(256, activation::relu))
      .add("linear2", linear(128, activation::relu))
      .add("linear3", linear(input.classes));
  return make_classifier(std::move(body), input.extents);
}

// Paper: LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition
// (1998), with the activations and pooling of today.
std::unique_ptr<network> make_lenet(const model_input& input, const model_settings&) {
  check(input, "lenet");
  constexpr std::int64_t side_min = 12; // one pixel is left after the second pooling
  if (input.extents.rank() != 3 || input.extents[0] < side_min || input.extents[1] < side_min)
    throw std::invalid_argument(
        "model lenet needs images [H, W, C] of at least 12x12 pixels, not " +
        to_string(input.extents) + "; models softmax and mlp take samples of any shape");
  const auto after = activation::relu;
  auto body = std::make_unique<sequential>();
  body->add("conv1", convolution({.outputs = 6, .kernel = 5, .padding = 2, .after = after}))
      .add("pool1", max_pool())
      .add("conv2", convolution({.outputs = 16, .kernel = 5, .after = after}))
      .add("pool2", max_pool())
      .add("linear1", linear(120, after))
      .add("linear2", linear(84, after))
      .add("linear3", linear(input.classes));
  return make_classifier(std::move(body), input.extents);
}

} // namespace

std::unique_ptr<network> model_row::make(const model_input& input,
                                         const model_settings& set) const {
  if (input.kind != takes)
    throw std::invalid_argument("model " + std::string(name) + " takes " +
                                std::string(ops::name(takes)) + ", and these data are " +
                                std::string(ops::name(input.kind)));
  return maker(input, complete(name, settings, set));
}

std::span<const model_row> models() { return table; }

} // namespace lagrange::ops
