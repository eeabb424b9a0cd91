// The CUDA backend as a module, which the emulation stands in for; and what the program has for
// each function.
#include "ops/cuda/loader.hpp"
#include "ops/cuda/operations.hpp"
#include "ops/cuda/segments.hpp"
#include "ops/devices.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

using namespace lagrange::ops;
using Catch::Contains;

namespace {

constexpr device gpu(int index) { return {device::kind_type::cuda, index}; }

} // namespace

TEST_CASE("every function of functions.hpp has a CUDA version, each once", "[ops][cuda]") {
  std::ifstream file(LAGRANGE_SOURCE "/ops/functions.hpp");
  REQUIRE(file);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::regex declared("\nvariable ([a-z_]+)\\(");
  std::set<std::string> functions, offered;
  for (std::sregex_iterator at(page.begin(), page.end(), declared), end; at != end; ++at)
    functions.insert((*at)[1]);
  for (const auto& row : cuda::operations()) CHECK(offered.insert(std::string(row.name)).second);
  CHECK(functions.size() >= 27);
  CHECK(functions == offered);
}

TEST_CASE("a module is loaded from the file that is named, and its devices are listed",
          "[ops][devices]") {
  const auto found = list_devices(LAGRANGE_EMULATED_CUDA);
  CHECK(found.cuda_absence.empty());
  REQUIRE(found.devices.size() == 2);
  CHECK(found.devices[1].where == gpu(0));
  CHECK_THAT(found.devices[1].description, Contains("emulated"));
  CHECK_FALSE(make_processor(device{}, "not there")->is_deferred());
  CHECK(make_processor(gpu(0), LAGRANGE_EMULATED_CUDA)->is_deferred());
}

TEST_CASE("a device that is not to be had is refused with the reason", "[ops][devices]") {
  CHECK_THROWS_WITH(make_processor(gpu(0), "/nowhere/lagrange_cuda.so"),
                    Contains("cuda:0") && Contains("/nowhere/lagrange_cuda.so is not there"));
  CHECK_THROWS_WITH(make_processor(gpu(0), LAGRANGE_SOURCE "/README.md"),
                    Contains("does not load"));
  CHECK_THROWS_WITH(make_processor(gpu(5), LAGRANGE_EMULATED_CUDA),
                    Contains("cuda:5") && Contains("has 1"));
}

TEST_CASE("a device is read as it is written, and nothing else is one", "[ops][devices]") {
  for (const auto each : {device{}, gpu(0), gpu(17)}) CHECK(parse_device(to_string(each)) == each);
  for (const auto* text : {"", "CPU", "cpu:0", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:01",
                           "cuda:1 ", "cuda:99999999999"})
    CHECK_FALSE(parse_device(text));
}

TEST_CASE("rows of a table are the sums of the tokens that took them, in order", "[ops][cuda]") {
  cuda::segments made;
  const std::vector<std::int32_t> ids{3, -1, 0, 3, 5, 3};
  for (int i = 0; i < 2; ++i) {
    cuda::make_row_segments(ids, 5, made);
    CHECK(made.starts == std::vector<std::int32_t>{0, 1, 1, 1, 4, 4});
    CHECK(made.order == std::vector<std::int32_t>{2, 0, 3, 5});
  }
  cuda::make_row_segments({}, 2, made);
  CHECK(made.starts == std::vector<std::int32_t>{0, 0, 0});
  CHECK(made.order.empty());
}
