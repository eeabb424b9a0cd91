#include "runtime/staleness/outer.hpp"

#include "ops/delayed_nesterov.hpp"
#include "runtime/spec.hpp"

namespace lagrange::runtime {

namespace {

using arguments = std::span<const std::string_view>;

/// The largest number below 1 that people write.
constexpr double momentum_max = 0.999999;

std::unique_ptr<ops::optimizer> add_as_it_is(std::size_t elements) {
  return ops::make_sgd(elements, {.rate = 1});
}

/// Paper: McMahan et al.: Communication-Efficient Learning of Deep Networks from Decentralized Data
/// (AISTATS 2017); Stich: Local SGD Converges Fast and Communicates Little (ICLR 2019).
result<outer_rule> make_average(arguments) { return outer_rule{add_as_it_is, 0}; }

/// Paper: Zhang, Choromanska, LeCun: Deep Learning with Elastic Averaging SGD (NeurIPS 2015).
result<outer_rule> make_elastic(arguments given) {
  BOOST_OUTCOME_TRY(share, parse_number(given[0], "ALPHA of outer elastic", 1e-6, 1));
  return outer_rule{add_as_it_is, static_cast<float>(share)};
}

struct outer_momentum {
  float rate = 0.7F, momentum = 0.9F; ///< those of DiLoCo
};
result<outer_momentum> read_momentum(arguments given, std::string_view name) {
  outer_momentum made;
  if (!given.empty()) {
    BOOST_OUTCOME_TRY(rate,
                      parse_number(given[0], "RATE of outer " + std::string(name), 1e-6, 100));
    made.rate = static_cast<float>(rate);
  }
  if (given.size() > 1) {
    BOOST_OUTCOME_TRY(momentum, parse_number(given[1], "MOMENTUM of outer " + std::string(name), 0,
                                             momentum_max));
    made.momentum = static_cast<float>(momentum);
  }
  return made;
}

/// Paper: Douillard et al.: DiLoCo: Distributed Low-Communication Training of Language Models
/// (2023). Where deltas do not come in rounds this is the naive asynchronous variant of Liu 2024.
result<outer_rule> make_diloco(arguments given) {
  BOOST_OUTCOME_TRY(by, read_momentum(given, "diloco"));
  return outer_rule{[by](std::size_t elements) {
                      return ops::make_nesterov(elements,
                                                {.rate = by.rate, .momentum = by.momentum});
                    },
                    0};
}

/// Paper: Liu et al.: Asynchronous Local-SGD Training for Language Modeling (2024).
result<outer_rule> make_delayed_nesterov(arguments given) {
  BOOST_OUTCOME_TRY(every, parse_count(given[0], "N of outer delayed_nesterov", 1, 1'000'000));
  BOOST_OUTCOME_TRY(by, read_momentum(given.subspan(1), "delayed_nesterov"));
  const ops::delayed_nesterov_options options{by.rate, by.momentum,
                                              static_cast<std::uint32_t>(every)};
  return outer_rule{
      [options](std::size_t elements) { return ops::make_delayed_nesterov(elements, options); }, 0};
}

constexpr outer_row table[] = {
    {"average", "", "deltas are added; in a round, averaged", make_average},
    {"elastic", "ALPHA", "workers keep their own parameters, drawn ALPHA to the shards'",
     make_elastic},
    {"diloco", "[RATE][:MOMENTUM]", "Nesterov's momentum over deltas, 0.7:0.9 unless said",
     make_diloco},
    {"delayed_nesterov", "N[:RATE][:MOMENTUM]", "the same, with momentum once in N deltas",
     make_delayed_nesterov},
};

} // namespace

std::span<const outer_row> outers() { return table; }

result<outer_rule> make_outer(std::span<const outer_row> rows, std::string_view spec) {
  return make_from(rows, spec, "outer");
}

} // namespace lagrange::runtime
