// The steps of every optimizer, worked out by hand or held against its paper's formulas in double.
#include "ops/optimizer.hpp"
#include "reference.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <string>

using namespace lagrange;
using namespace lagrange::ops;

TEST_CASE("sgd goes against the gradient", "[ops][optimizer]") {
  std::vector<float> p{1, 2};
  const auto sgd = make_sgd(2, {.rate = 0.5F});
  sgd->step(p, std::vector<float>{1, -1}, 2);
  CHECK(p == std::vector<float>{0, 3});
  CHECK(sgd->state().empty());
}

TEST_CASE("momentum, also as an option of sgd, takes the steps worked out by hand",
          "[ops][optimizer]") {
  const auto make = GENERATE(&make_sgd, &make_momentum);
  std::vector<float> p{1};
  const auto sgd = make(1, {.rate = 0.5F, .momentum = 0.5F, .weight_decay = 0.25F});
  sgd->step(p, std::vector<float>{0.25F}, 1); // u = 0.25 + 0.25 * 1, p = 1 - 0.5 * 0.5
  CHECK(p[0] == 0.75F);
  sgd->step(p, std::vector<float>{0.5F}, 0.5F); // u = 0.25 + (0.25 + 0.1875), p -= 0.5 * 0.6875
  CHECK(p[0] == 0.40625F);
  REQUIRE(sgd->state().size() == 1);
  CHECK(sgd->state()[0].values[0] == 0.6875F);
}

TEST_CASE("nesterov takes the steps worked out by hand", "[ops][optimizer]") {
  std::vector<float> p{1};
  const auto made = make_nesterov(1, {.rate = 0.5F, .momentum = 0.5F, .weight_decay = 0.25F});
  made->step(p, std::vector<float>{0.25F}, 1); // d = 0.5, u = 0.5, p = 1 - 0.5 * (0.5 + 0.25)
  CHECK(p[0] == 0.625F);
  made->step(p, std::vector<float>{0.5F}, 0.5F); // d = 0.25 + 0.15625, u = 0.25 + d
  CHECK(p[0] == 0.625F - 0.5F * (0.40625F + 0.328125F));
  CHECK(made->state()[0].values[0] == 0.65625F);
}

TEST_CASE("adagrad takes the steps worked out by hand", "[ops][optimizer]") {
  std::vector<float> p{1};
  const auto made = make_adagrad(1, {.rate = 2, .epsilon = 3});
  made->step(p, std::vector<float>{6}, 0.5F); // s = 9, p = 1 - 2 * 3 / (3 + 3)
  CHECK(p[0] == 0);
  made->step(p, std::vector<float>{-4}, 1); // s = 25, p = 2 * 4 / (5 + 3)
  CHECK(p[0] == 1);
  CHECK(made->state()[0].values[0] == 25);
}

namespace {

/// Adam's moments in double, as the paper has them.
struct moments {
  std::array<double, 3> m{}, v{};
  int t = 0;

  /// The direction of the step for gradient d.
  std::array<double, 3> direction(const std::array<double, 3>& d) {
    ++t;
    std::array<double, 3> r;
    for (std::size_t i = 0; i < 3; ++i) {
      m[i] = 0.9 * m[i] + 0.1 * d[i];
      v[i] = 0.999 * v[i] + 0.001 * d[i] * d[i];
      const double m_hat = m[i] / (1 - std::pow(0.9, t));
      const double v_hat = v[i] / (1 - std::pow(0.999, t));
      r[i] = m_hat / (std::sqrt(v_hat) + 1e-8);
    }
    return r;
  }
};

double norm(const std::array<double, 3>& x) {
  return std::sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
}

} // namespace

TEST_CASE("adam, adamw and lamb take the steps of their papers", "[ops][optimizer]") {
  const optimizer_options by{.rate = 0.01F, .weight_decay = 0.1F};
  const std::string name = GENERATE("adam", "adamw", "lamb");
  CAPTURE(name);
  const auto made = (name == "adam" ? make_adam : name == "adamw" ? make_adamw : make_lamb)(3, by);
  std::vector<float> p{1, -2, 0.5F};
  std::array<double, 3> wanted{1, -2, 0.5};
  moments kept;
  for (int t = 1; t <= 50; ++t) {
    const auto g = tests::numbers(3, static_cast<std::uint64_t>(t));
    made->step(p, g, 0.5F);
    std::array<double, 3> d;
    for (std::size_t i = 0; i < 3; ++i) d[i] = 0.5 * g[i] + (name == "adam" ? 0.1 * wanted[i] : 0);
    auto r = kept.direction(d);
    if (name != "adam")
      for (std::size_t i = 0; i < 3; ++i) r[i] += 0.1 * wanted[i];
    const double ratio = name == "lamb" ? norm(wanted) / norm(r) : 1;
    for (std::size_t i = 0; i < 3; ++i) wanted[i] -= 0.01 * ratio * r[i];
    REQUIRE(tests::distance(p, std::vector<double>(wanted.begin(), wanted.end())) < 2e-5);
  }
}

TEST_CASE("adamw decays a parameter at the rate, whatever its gradient", "[ops][optimizer]") {
  std::vector<float> p{2, 2};
  make_adamw(2, {.rate = 0.25F, .weight_decay = 0.5F})->step(p, std::vector<float>{1e-3F, 1e3F}, 1);
  // The rate against the gradient, and 0.25 * 0.5 * 2 of itself.
  CHECK(tests::distance(p, std::vector<double>{1.5, 1.5}) < 1e-5);
}

TEST_CASE("adam's first step is the rate, whatever the size of the gradient", "[ops][optimizer]") {
  std::vector<float> p{0, 0, 0};
  make_adam(3, {.rate = 0.25F})->step(p, std::vector<float>{1e-3F, -1, 1e3F}, 1);
  CHECK(tests::distance(p, std::vector<double>{-0.25, 0.25, -0.25}) < 1e-5);
}

TEST_CASE("lamb's step is as long as the rate times the tensor, worked out by hand",
          "[ops][optimizer]") {
  const auto stepped = [](std::vector<float> p, float weight_decay) {
    const optimizer_options by{
        .rate = 0.25F, .beta1 = 0, .beta2 = 0, .epsilon = 1e-20F, .weight_decay = weight_decay};
    make_lamb(4, by)->step(p, std::vector<float>{1, 100, 1e-3F, 7}, 1); // r = 1 + decay * p
    return p;
  };
  CHECK(stepped({3, 4, 0, 0}, 0) == std::vector<float>{2.375F, 3.375F, -0.625F, -0.625F}); // 5 / 2
  CHECK(stepped({2, 2, 2, 2}, 0.5F) == std::vector<float>(4, 1.5F));   // 4 / 4, r = 2
  CHECK(stepped({0, 0, 0, 0}, 0.5F) == std::vector<float>(4, -0.25F)); // no norm, no ratio
}

TEST_CASE("ftrl takes the steps worked out by hand", "[ops][optimizer]") {
  std::vector<float> p{0};
  SECTION("l1 makes zeros") {
    const auto made = make_ftrl(1, {.rate = 1, .beta = 1, .l1 = 0.5F});
    made->step(p, std::vector<float>{3}, 1); // n = 9, z = 3, p = -2.5 / (1 + 3)
    CHECK(p[0] == -0.625F);
    made->step(p, std::vector<float>{-4}, 1); // n = 25, z = 3 - 4 + (5 - 3) * 0.625 = 0.25
    CHECK(p[0] == 0);
  }
  SECTION("l2 holds back, and the rate divides beta and the root") {
    const auto made = make_ftrl(1, {.rate = 2, .beta = 1, .l1 = 1, .l2 = 2});
    made->step(p, std::vector<float>{-3}, 1); // z = -3, p = (3 - 1) / ((1 + 3) / 2 + 2)
    CHECK(p[0] == 0.5F);
  }
}

TEST_CASE("ftrl takes the steps of its paper", "[ops][optimizer]") {
  const double alpha = 0.1, beta = 1, l1 = 0.3, l2 = 0.7;
  const auto made = make_ftrl(3, {.rate = 0.1F, .beta = 1, .l1 = 0.3F, .l2 = 0.7F});
  std::vector<float> p(3);
  std::vector<double> wanted(3), z(3), n(3);
  for (int t = 1; t <= 50; ++t) {
    const auto g = tests::numbers(3, static_cast<std::uint64_t>(t));
    made->step(p, g, 2);
    for (std::size_t i = 0; i < 3; ++i) {
      const double d = 2 * g[i];
      const double sigma = (std::sqrt(n[i] + d * d) - std::sqrt(n[i])) / alpha;
      z[i] += d - sigma * wanted[i];
      n[i] += d * d;
      wanted[i] = std::abs(z[i]) <= l1
                      ? 0
                      : -(z[i] - std::copysign(l1, z[i])) / ((beta + std::sqrt(n[i])) / alpha + l2);
    }
    REQUIRE(tests::distance(p, wanted) < 2e-5);
  }
}

TEST_CASE("ftrl starts where the parameters are, and rests until the first gradient",
          "[ops][optimizer]") {
  std::vector<float> p{2, 2};
  const auto made = make_ftrl(2, {.rate = 1, .beta = 1, .l1 = 0.5F});
  made->step(p, std::vector<float>{0, 1}, 1); // z = -2 + 1 - 2 = -3, p = 2.5 / (1 + 1)
  CHECK(p == std::vector<float>{2, 1.25F});
}

TEST_CASE("ftrl without penalties goes down by the rate over beta and the root",
          "[ops][optimizer]") {
  std::vector<float> p{2};
  const auto made = make_ftrl(1, {.rate = 1, .beta = 1});
  made->step(p, std::vector<float>{3}, 1);
  CHECK(p[0] == 1.25F); // 2 - 3 / (1 + 3)
  made->begin_step(0.5F);
  made->step_part(0, p, std::vector<float>{-4}, 1);
  CHECK(p[0] == Approx(1.25 + 0.5 * 4 / (1 + 5)));
}

TEST_CASE("ftrl refuses a decay and says what takes its place", "[ops][optimizer]") {
  CHECK_THROWS_WITH(make_ftrl(1, {.weight_decay = 0.5F}), Catch::Contains("set optimizer.l2"));
}
