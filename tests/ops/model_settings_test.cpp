#include "model_samples.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace lagrange;
using namespace lagrange::ops;
using Catch::Contains;

namespace {

constexpr std::array<model_setting, 2> known{{
    {"depth", "layers", 3, 1, 9},
    {"share", "kept", 0.5, 0, 1, model_setting::number_kind::real},
}};

} // namespace

TEST_CASE("a setting is what was set, or else what its table says", "[ops][models]") {
  CHECK(complete("m", known, {}) == model_settings{{"depth", 3}, {"share", 0.5}});
  CHECK(complete("m", known, {{"share", 0.25}, {"share", 0}}) ==
        model_settings{{"depth", 3}, {"share", 0}});
  CHECK(complete("m", known, {{"depth", 9}}).count("depth") == 9);
  CHECK_THROWS_AS(model_settings{}.number("depth"), contract_error);
}

TEST_CASE("a setting that is unknown or cannot be is refused with what would fit",
          "[ops][models]") {
  const auto refused = [](const model_settings& set) { complete("m", known, set); };
  CHECK_THROWS_WITH(refused({{"width", 1}}),
                    Contains("model m") && Contains("width") && Contains("depth, share"));
  CHECK_THROWS_WITH(refused({{"depth", 0}}), Contains("depth") && Contains("from 1 to 9, not 0"));
  CHECK_THROWS_WITH(refused({{"depth", 2.5}}), Contains("whole") && Contains("2.5"));
  CHECK_THROWS_WITH(refused({{"share", 1.5}}), Contains("share") && Contains("1.5"));
  CHECK_THROWS_AS(refused({{"share", std::nan("")}}), std::invalid_argument);
  CHECK_THROWS_WITH(tests::model("mlp").make({{4}, 2}, {{"width", 1}}), Contains("none at all"));
}

TEST_CASE("a model is made only for the kind of samples that it takes", "[ops][models]") {
  for (const auto& each : models())
    for (const auto& other : models())
      if (each.takes != other.takes)
        CHECK_THROWS_WITH(each.make(tests::input_of(other)),
                          Contains(std::string(each.name)) &&
                              Contains(std::string(name(each.takes))) &&
                              Contains(std::string(name(tests::input_of(other).kind))));
}
