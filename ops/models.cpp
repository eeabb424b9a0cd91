#include "ops/models.hpp"

#include "ops/layers.hpp"
#include "ops/sequential.hpp"

#include <array>
#include <stdexcept>

namespace lagrange::ops {

namespace {

std::unique_ptr<network> make_softmax(const model_input& input);
std::unique_ptr<network> make_mlp(const model_input& input);
std::unique_ptr<network> make_lenet(const model_input& input);

constexpr std::array<model_row, 3> table{{
    {"softmax", "one linear layer: logistic regression, 7,850 parameters for 28x28 and 10 classes",
     &make_softmax},
    {"mlp", "two hidden layers of 256 and 128 with ReLU, for samples of any shape", &make_mlp},
    {"lenet", "LeNet-5 with ReLU and max pooling, for images of at least 12x12", &make_lenet},
}};

void check(const model_input& input, std::string_view name) {
  if (input.classes >= 2 && input.extents.elements() > 0) return;
  throw std::invalid_argument("model " + std::string(name) +
                              " needs at least 2 classes and samples that are not empty, not " +
                              std::to_string(input.classes) + " classes of " +
                              to_string(input.extents));
}

std::unique_ptr<network> make_softmax(const model_input& input) {
  check(input, "softmax");
  auto made = std::make_unique<sequential>(input.extents);
  made->add("linear", linear(made->output(), input.classes));
  return made;
}

std::unique_ptr<network> make_mlp(const model_input& input) {
  check(input, "mlp");
  auto made = std::make_unique<sequential>(input.extents);
  made->add("linear1", linear(made->output(), 256, activation::relu));
  made->add("linear2", linear(made->output(), 128, activation::relu));
  made->add("linear3", linear(made->output(), input.classes));
  return made;
}

// Paper: LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition
// (1998), with the activations and pooling of today.
std::unique_ptr<network> make_lenet(const model_input& input) {
  check(input, "lenet");
  constexpr std::int64_t side_min = 12; // one pixel is left after the second pooling
  if (input.extents.rank() != 3 || input.extents[0] < side_min || input.extents[1] < side_min)
    throw std::invalid_argument(
        "model lenet needs images [H, W, C] of at least 12x12 pixels, not " +
        to_string(input.extents) + "; models softmax and mlp take samples of any shape");
  auto made = std::make_unique<sequential>(input.extents);
  made->add("conv1",
            convolution(made->output(),
                        {.outputs = 6, .kernel = 5, .padding = 2, .after = activation::relu}));
  made->add("pool1", max_pool(made->output()));
  made->add("conv2",
            convolution(made->output(), {.outputs = 16, .kernel = 5, .after = activation::relu}));
  made->add("pool2", max_pool(made->output()));
  made->add("linear1", linear(made->output(), 120, activation::relu));
  made->add("linear2", linear(made->output(), 84, activation::relu));
  made->add("linear3", linear(made->output(), input.classes));
  return made;
}

} // namespace

std::span<const model_row> models() { return table; }

} // namespace lagrange::ops
