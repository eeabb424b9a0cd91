// How fast one worker computes: forward and backward of every model on one thread, beside a bare
// loop over the same matrix products (a convolution counted as the product it is) with dnnl_sgemm.
// Both run in turns, because the clock of a host drifts. Run as: bench_step [seconds a turn].
#include "ops/devices.hpp"
#include "ops/models.hpp"
#include "ops/random.hpp"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace {

using namespace lagrange::ops;

constexpr std::int64_t batch = 64;
constexpr int turns = 7;

// One layer as the product y [rows, outputs] = x [rows, inputs] w [inputs, outputs].
struct product_of_layer {
  std::int64_t rows, inputs, outputs;
};

struct goal {
  std::string_view model;
  std::vector<product_of_layer> layers;
  double ratio_min; ///< of the model's samples/s to those of the bare loop
};

const std::array<goal, 3> goals{{
    {"softmax", {{batch, 784, 10}}, 0.8},
    {"mlp", {{batch, 784, 256}, {batch, 256, 128}, {batch, 128, 10}}, 0.9},
    {"lenet",
     {{batch * 28 * 28, 25, 6},
      {batch * 10 * 10, 150, 16},
      {batch, 400, 120},
      {batch, 120, 84},
      {batch, 84, 10}},
     0.9},
}};

// The products of one step: y = x w, d_w = x^T d_y and, but for the first layer, d_x = d_y w^T.
std::function<void()> bare_step(const std::vector<product_of_layer>& layers) {
  std::size_t largest = 0;
  for (const auto [m, k, n] : layers)
    largest = std::max(largest, static_cast<std::size_t>(std::max({m * k, k * n, m * n})));
  std::vector<float> x(largest, 0.5F), w(largest, 0.5F), y(largest, 0.5F);
  return [layers, x, w, y]() mutable {
    for (const auto [m, k, n] : layers)
      dnnl_sgemm('N', 'N', m, n, k, 1, x.data(), k, w.data(), n, 0, y.data(), n);
    for (auto i = layers.size(); i-- > 0;) {
      const auto [m, k, n] = layers[i];
      dnnl_sgemm('T', 'N', k, n, m, 1, x.data(), k, y.data(), n, 0, w.data(), n);
      if (i > 0) dnnl_sgemm('N', 'T', m, k, n, 1, y.data(), n, w.data(), n, 0, x.data(), k);
    }
    // A loop that keeps multiplying its own results would end in infinities.
    std::ranges::fill(x, 0.5F);
    std::ranges::fill(w, 0.5F);
  };
}

std::function<void()> model_step(const model_row& row) {
  const std::shared_ptr<network> net = row.make({{28, 28, 1}, 10});
  const auto specs = net->parameters();
  std::vector<float> parameters, gradient;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    std::vector<float> part(static_cast<std::size_t>(specs[i].extents.elements()));
    initialise(specs[i], 1, i, 0, part);
    parameters.insert(parameters.end(), part.begin(), part.end());
  }
  gradient.resize(parameters.size());
  tensor inputs(dtype::f32, {batch, 28, 28, 1});
  std::vector<std::int32_t> labels(batch);
  const random_sequence drawn(1, 0);
  for (std::size_t i = 0; auto& value : inputs.values<float>()) value = drawn.unit(i++);
  for (std::size_t i = 0; auto& label : labels) label = static_cast<std::int32_t>(i++ % 10);
  return [=]() mutable { net->train({parameters, inputs, labels, gradient}); };
}

// Samples a second of one turn.
double measure(const std::function<void()>& step, std::chrono::duration<double> length) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  std::chrono::duration<double> passed{};
  std::int64_t samples = 0;
  while (passed < length) {
    for (int i = 0; i < 4; ++i) step();
    samples += 4 * batch;
    passed = clock::now() - start;
  }
  return static_cast<double>(samples) / passed.count();
}

double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

} // namespace

int main(int count, char** arguments) {
  const std::chrono::duration<double> length(count > 1 ? std::atof(arguments[1]) : 0.3);
  bind_thread(1);
  bool is_met = true;
  std::printf("samples/s, batch %lld, one thread, median of %d turns of %.1f s\n",
              static_cast<long long>(batch), turns, length.count());
  for (const auto& each : goals) {
    const auto& row = *std::ranges::find(models(), each.model, &model_row::name);
    const auto step = model_step(row);
    const auto bare = bare_step(each.layers);
    step();
    bare();
    std::vector<double> ours, theirs;
    for (int i = 0; i < turns; ++i) {
      ours.push_back(measure(step, length));
      theirs.push_back(measure(bare, length));
    }
    const double ratio = median(ours) / median(theirs);
    is_met = is_met && ratio >= each.ratio_min;
    std::printf("%-8s %9.0f   bare products %9.0f   ratio %.2f (goal %.2f)\n", row.name.data(),
                median(ours), median(theirs), ratio, each.ratio_min);
  }
  std::printf("step: %s\n", is_met ? "every goal met" : "a goal missed");
  return is_met ? 0 : 1;
}
