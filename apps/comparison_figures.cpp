#include "apps/comparison_figures.hpp"

#include <fmt/format.h>

namespace lagrange::apps {

namespace {

using runtime::summary;
using number = std::optional<double>;

number whole(std::uint64_t x) { return static_cast<double>(x); }

std::string as_count(double x) { return fmt::format("{:.0f}", x); }
std::string as_share(double x) { return fmt::format("{:.1f} %", x * 100); }
std::string as_score(double x) { return fmt::format("{:.4f}", x); }
std::string as_seconds(double x) { return fmt::format("{:.1f} s", x); }
std::string as_steps(double x) { return fmt::format("{:g}", x); }
std::string as_bytes(double x) { return runtime::bytes_text(static_cast<std::uint64_t>(x)); }

constexpr figure table[] = {
    {"workers", "workers", [](const summary& x) { return whole(x.workers); }, as_count, false},
    {"seed", "seed", [](const summary& x) { return whole(x.seed); }, as_count, false},
    {"time_to_target_seconds", "to target",
     [](const summary& x) { return x.time_to_target_seconds; }, as_seconds},
    {"test_accuracy", "accuracy", [](const summary& x) { return x.test_accuracy; }, as_score},
    {"test_loss", "test loss", [](const summary& x) { return x.test_loss; }, as_score},
    {"train_seconds", "training", [](const summary& x) { return number(x.train_seconds); },
     as_seconds},
    {"samples_per_second", "samples/s", [](const summary& x) { return x.samples_per_second; },
     as_count},
    {"staleness_p50", "stale p50", [](const summary& x) { return x.staleness.p50; }, as_steps},
    {"staleness_p99", "p99", [](const summary& x) { return x.staleness.p99; }, as_steps},
    {"staleness_max", "max", [](const summary& x) { return x.staleness.max; }, as_steps},
    {"wait_share", "waiting", [](const summary& x) { return x.wait_share; }, as_share},
    {"bytes_pushed", "pushed", [](const summary& x) { return whole(x.bytes.pushed); }, as_bytes},
    {"bytes_pulled", "pulled", [](const summary& x) { return whole(x.bytes.pulled); }, as_bytes},
    {"restarts", "restarts",
     [](const summary& x) {
       return whole(x.restarts.worker + x.restarts.shard + x.restarts.feeder);
     },
     as_count},
};

} // namespace

std::span<const figure> figures() { return table; }

} // namespace lagrange::apps
