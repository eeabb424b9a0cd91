// What oneDNN ran for a training step in bf16, by what it says of itself: a second process of this
// program trains and prints, this one reads.
#include "model_samples.hpp"
#include "ops/half_kernels.hpp"
#include "ops/processor.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>

using namespace lagrange;
using namespace lagrange::ops;

namespace {

/// A line of oneDNN's: "onednn_verbose,exec,cpu,matmul,gemm:jit,undef,src_f32::blocked:...".
struct executed {
  std::string primitive, implementation, way, line;
  bool is_of(std::string_view type) const {
    return line.find("src_" + std::string(type)) != std::string::npos;
  }
  bool is_product() const { return primitive == "matmul" || primitive == "convolution"; }
};

std::vector<executed> read_lines(std::FILE* from) {
  std::vector<executed> found;
  std::string line;
  for (int c = std::fgetc(from); c != EOF; c = std::fgetc(from)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    std::istringstream words(std::exchange(line, {}));
    std::array<std::string, 6> word;
    for (auto& each : word) std::getline(words, each, ',');
    if (word[0] == "onednn_verbose" && word[1] == "exec")
      found.push_back({word[3], word[4], word[5], words.str()});
  }
  return found;
}

std::vector<executed> trained(const std::string& model) {
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto command = "'" + self + "' 'oneDNN tells what it runs for " + model + "'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(command.c_str(), "r"),
                                                               &pclose);
  REQUIRE(output);
  return read_lines(output.get());
}

void train_aloud(std::string_view model) {
  const auto& row = tests::model(model);
  const auto net = row.make(tests::input_of(row), {});
  net->compute_in(dtype::bf16);
  net->compute_on(host_processor(onednn_half_kernels(half_products::all)));
  const auto parameters = tests::parameters(net->parameters(), 1);
  std::vector<float> gradient(parameters.size());
  const auto batch = tests::samples(tests::input_of(row), 32, 3);
  dnnl::set_verbose(1);
  net->train({parameters, batch.inputs, batch.labels, gradient});
  std::fflush(stdout);
}

bool has_half_products() {
  const half_product what{.sizes = {64, 64, 64}, .how = {}};
  return onednn_half_kernels(half_products::all)->make(what) != nullptr;
}

} // namespace

TEST_CASE("oneDNN tells what it runs for mlp", "[.][verbose]") { train_aloud("mlp"); }
TEST_CASE("oneDNN tells what it runs for lenet", "[.][verbose]") { train_aloud("lenet"); }

TEST_CASE("bf16 products run on AMX or AVX-512 (oneDNN verbose)", "[ops][half]") {
  if (!has_half_products()) {
    WARN("skipped: oneDNN has no bf16 products for this CPU (effective instruction set "
         << static_cast<unsigned>(dnnl::get_effective_cpu_isa()) << ", needed 0xe7)");
    return;
  }
  const auto is_native = [](const executed& each) {
    return each.is_of("bf16") && (each.implementation.find("amx") != std::string::npos ||
                                  each.implementation.find("avx512") != std::string::npos);
  };
  const auto linear = trained("mlp");
  REQUIRE(std::ranges::count(linear, "matmul", &executed::primitive) >= 6);
  CHECK(std::ranges::any_of(linear, is_native));
  for (const auto& each : linear) {
    CAPTURE(each.line);
    if (each.primitive == "matmul") CHECK(each.is_of("bf16"));
  }
  // A convolution of images of one channel may be one of f32.
  const auto convolutions = trained("lenet");
  for (const std::string way : {"forward_training", "backward_data", "backward_weights"}) {
    CAPTURE(way);
    CHECK(std::ranges::any_of(convolutions, [&](const executed& each) {
      return each.primitive == "convolution" && each.way == way && is_native(each);
    }));
  }
}

TEST_CASE("where oneDNN has no bf16 products, networks of bf16 run those of f32", "[ops][half]") {
  if (has_half_products()) return;
  for (const std::string model : {"mlp", "lenet"}) {
    CAPTURE(model);
    const auto lines = trained(model);
    REQUIRE(std::ranges::count_if(lines, &executed::is_product) >= 6);
    for (const auto& each : lines) {
      CAPTURE(each.line);
      CHECK(each.is_of("f32"));
      CHECK_FALSE(each.implementation.starts_with("ref"));
    }
  }
}
