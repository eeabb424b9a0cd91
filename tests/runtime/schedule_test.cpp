#include "runtime/schedule.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace lagrange::runtime;

namespace {

std::unique_ptr<rate_schedule> made(std::string_view spec, std::uint64_t epoch = 1000) {
  return make_schedule(schedules(), spec, epoch).value();
}

std::string refusal(std::string_view spec) {
  const auto found = make_schedule(schedules(), spec, 1000);
  return found ? "accepted" : found.error().text;
}

} // namespace

TEST_CASE("a constant rate never changes", "[runtime][schedule]") {
  for (const std::uint64_t samples : {0ull, 1ull, ~0ull})
    CHECK(made("constant")->factor(samples) == 1);
}

TEST_CASE("a step falls by its factor after every so many samples", "[runtime][schedule]") {
  const auto step = made("step:100:0.5");
  CHECK(step->factor(0) == 1);
  CHECK(step->factor(99) == 1);
  CHECK(step->factor(100) == 0.5);
  CHECK(step->factor(199) == 0.5);
  CHECK(step->factor(300) == 0.125);
}

TEST_CASE("a cosine goes from all to the final share and stays there", "[runtime][schedule]") {
  const auto whole = made("cosine:600");
  CHECK(whole->factor(0) == 1);
  CHECK(whole->factor(200) == Approx(0.75)); // cos(60 degrees) is a half
  CHECK(whole->factor(300) == Approx(0.5));
  CHECK(whole->factor(400) == Approx(0.25));
  CHECK(whole->factor(600) == 0);
  CHECK(whole->factor(~0ull) == 0);
  const auto part = made("cosine:600:0.2");
  CHECK(part->factor(0) == 1);
  CHECK(part->factor(300) == Approx(0.6));
  CHECK(part->factor(601) == 0.2);
}

TEST_CASE("a length in epochs is that many times the samples of one", "[runtime][schedule]") {
  for (const std::uint64_t samples : {0, 1999, 2000, 3999, 4000, 100'000}) {
    CHECK(made("step:2 epochs:0.1")->factor(samples) == made("step:2000:0.1")->factor(samples));
    CHECK(made("cosine:1 epoch:0.5", 4000)->factor(samples) ==
          made("cosine:4000 samples:0.5")->factor(samples));
  }
}

TEST_CASE("every schedule begins at the whole rate and never rises", "[runtime][schedule]") {
  for (const auto& row : schedules()) {
    CAPTURE(row.name);
    CHECK_FALSE(row.help.empty());
    const std::vector<std::string_view> arguments{"100", "0.5"};
    const auto schedule = row.make(arguments, 1).value();
    CHECK(schedule->factor(0) == 1);
    for (std::uint64_t at = 0; at < 300; ++at) {
      REQUIRE(schedule->factor(at + 1) <= schedule->factor(at));
      REQUIRE(schedule->factor(at) >= 0);
    }
  }
}

TEST_CASE("a warm-up counts the samples of the step itself, the schedule those before",
          "[runtime][schedule]") {
  const rate_plan plan(made("step:100:0.5"), 80);
  CHECK(plan.share(0, 20) == 0.25F);
  CHECK(plan.share(40, 20) == 0.75F);
  CHECK(plan.share(60, 20) == 1);
  CHECK(plan.share(99, 20) == 1);
  CHECK(plan.share(100, 20) == 0.5F);
  CHECK(rate_plan().share(12345, 1) == 1);
  CHECK(rate_plan(nullptr, 4).share(0, 1) == 0.25F);
}

TEST_CASE("a schedule that says nothing sensible is refused, and says what is expected",
          "[runtime][schedule]") {
  using Catch::Contains;
  CHECK_THAT(refusal("cosin:5"), Contains("unknown schedule \"cosin:5\"") &&
                                     Contains("cosine:SAMPLES[:FINAL]") &&
                                     Contains("did you mean \"cosine\"?"));
  CHECK_THAT(refusal("step:5"), Contains("has 1 argument, expected step:EVERY:FACTOR"));
  CHECK_THAT(refusal("cosine"), Contains("has 0 arguments"));
  CHECK_THAT(refusal("cosine:5:0:1"), Contains("has 3 arguments"));
  CHECK_THAT(refusal("constant:1"), Contains("has 1 argument, expected constant"));
  for (const auto* spec :
       {"step:0:0.5", "step:-1:0.5", "step::0.5", "step:5 weeks:0.5", "step:5epochs:0.5",
        "step:1000001 epochs:0.5", "step:99999999999999999999:0.5", "step:0 epochs:0.5"})
    CHECK_THAT(refusal(spec), Contains("EVERY of schedule step is"));
  for (const auto* spec : {"step:5:2", "step:5:-0.5", "step:5:nan", "step:5:", "step:5:0.5x"})
    CHECK_THAT(refusal(spec), Contains("FACTOR of schedule step is"));
  CHECK_THAT(refusal("cosine:5:2"), Contains("FINAL of schedule cosine is \"2\""));
  CHECK(refusal("cosine:5:1") == "accepted");
}
