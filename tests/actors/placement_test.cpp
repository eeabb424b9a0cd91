// What an actor is told when it is placed comes to other processes as it was said.
#include "actors/interfaces.hpp"
#include "actors/system.hpp"

#include <caf/actor_system.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::runtime;

TEST_CASE("a placement carries the facts of data of every kind", "[actors]") {
  actors::system_config config(actors::network::none, actors::scheduling::deterministic, 1);
  caf::actor_system system(config);
  using ops::sample_kind;
  const ops::model_input inputs[] = {{{28, 28, 1}, 10},
                                     {{128}, 65, sample_kind::tokens, {65, 0}},
                                     {{14, 2}, 2, sample_kind::sparse_rows, {123, 0}},
                                     {{2}, 2, sample_kind::pairs, {std::int64_t{1} << 28, 3665}}};
  for (const auto& input : inputs) {
    auto sent = make_placement({{7}, {1}, {2}, {actor_role::worker, 3}, {4}}, "the job's text",
                               {input, 60'000});
    caf::binary_serializer::container_type bytes;
    caf::binary_serializer out(system, bytes);
    REQUIRE_FALSE(out(sent));
    CHECK(bytes.size() < 200); // small beside the text
    placement got;
    caf::binary_deserializer in(system, bytes);
    REQUIRE_FALSE(in(got));
    CHECK(got.self == sent.self);
    CHECK(got.job_text == sent.job_text);
    CHECK(facts_of(got).input == input);
    CHECK(facts_of(got).samples == 60'000);
  }
}
