#include "ops/cuda/loader.hpp"
#include "ops/devices.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace lagrange;
using namespace lagrange::ops;

namespace {

// A folder of its own, gone with the object.
struct folder {
  std::string path = std::filesystem::temp_directory_path() / "lagrange-test-XXXXXX";
  folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~folder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("the CPU is always listed, and the absence of a GPU explained", "[ops][devices]") {
  const auto found = list_devices();
  REQUIRE_FALSE(found.devices.empty());
  CHECK(to_string(found.devices[0].where) == "cpu");
  CHECK_THAT(found.devices[0].description, Catch::Contains("core"));
  CHECK(found.cuda_absence.empty() == (found.devices.size() > 1));
  if (!found.cuda_absence.empty()) CHECK(found.cuda_absence.back() == '.');
}

TEST_CASE("a CUDA backend that cannot be used is refused with the reason", "[ops][devices]") {
  const folder place;
  const auto missing = cuda::load_backend(place.path);
  CHECK(missing.table == nullptr);
  CHECK_THAT(missing.absence, Catch::Contains(place.path) && Catch::Contains("LAGRANGE_CUDA=ON"));
  std::ofstream(place.path + "/lagrange_cuda.so") << "not a library";
  const auto damaged = cuda::load_backend(place.path);
  CHECK(damaged.table == nullptr);
  CHECK_THAT(damaged.absence, Catch::Contains("does not load"));
}

TEST_CASE("a thread cannot be bound to no thread", "[ops][devices]") {
  CHECK_NOTHROW(bind_thread(1));
  CHECK_THROWS_AS(bind_thread(0), contract_error);
}
