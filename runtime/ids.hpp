/// \file
/// Strong types for everything that is counted or named, so that a clock is never compared with a
/// version. The words are those of the design's glossary.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// A number that is its own type. `Tag` only tells the types apart.
template <class Tag, class Rep>
struct strong {
  Rep value{};
  auto operator<=>(const strong&) const = default;
  /// The one after this.
  strong next() const { return {static_cast<Rep>(value + 1)}; }
};

template <class Inspector, class Tag, class Rep>
auto inspect(Inspector& f, strong<Tag, Rep>& x) {
  return f(x.value);
}

template <class Tag, class Rep>
std::ostream& operator<<(std::ostream& out, strong<Tag, Rep> x) {
  return out << +x.value;
}

template <class Tag, class Rep>
std::string to_string(strong<Tag, Rep> x) {
  return std::to_string(x.value);
}

using job_id = strong<struct job_tag, std::uint64_t>;
/// Counts the supervisors of one run; a lower term is refused.
using supervisor_term = strong<struct term_tag, std::uint32_t>;
/// Counts the membership views of one term.
using view_number = strong<struct view_tag, std::uint64_t>;
/// Counts the starts of one named actor, from 1.
using incarnation = strong<struct incarnation_tag, std::uint32_t>;
using worker_id = strong<struct worker_tag, std::uint32_t>;
using shard_id = strong<struct shard_tag, std::uint32_t>;
/// Position of a lease in the whole job, from 0.
using lease_id = strong<struct lease_tag, std::uint64_t>;
/// Counts how often one lease was dealt, from 1.
using lease_attempt = strong<struct attempt_tag, std::uint32_t>;
/// Finished steps of one worker.
using worker_clock = strong<struct clock_tag, std::uint64_t>;
/// Updates applied by one shard.
using shard_version = strong<struct version_tag, std::uint64_t>;

/// Cuts of the job that came before: of what a message or a step says, and of what an actor holds.
using cut_number = strong<struct cut_tag, std::uint32_t>;

/// An attempt at a lease: no other push of the job has the same. Attempt 0: none.
struct lease_attempt_id {
  lease_id what;
  lease_attempt attempt;
  bool operator==(const lease_attempt_id&) const = default;
};

enum class actor_role : std::uint8_t { supervisor = 0, worker, shard, feeder, evaluator, replica };
constexpr std::string_view name(actor_role role) {
  constexpr std::string_view names[] = {"supervisor", "worker",    "shard",
                                        "feeder",     "evaluator", "replica"};
  return names[static_cast<std::size_t>(role)];
}

/// Name of a place in the job, as in "worker-2". Incarnations come and go; the name stays.
struct actor_name {
  actor_role role = actor_role::supervisor;
  std::uint32_t index = 0;
  auto operator<=>(const actor_name&) const = default;
};
inline std::string to_string(actor_name x) {
  return std::string(name(x.role)) + "-" + std::to_string(x.index);
}
template <class Inspector>
auto inspect(Inspector& f, actor_name& x) {
  return f(x.role, x.index);
}

/// One life of one named actor.
struct actor_life {
  actor_name name;
  incarnation life;
  auto operator<=>(const actor_life&) const = default;
};
template <class Inspector>
auto inspect(Inspector& f, actor_life& x) {
  return f(x.name, x.life);
}

} // namespace lagrange::runtime

template <class Tag, class Rep>
struct std::hash<lagrange::runtime::strong<Tag, Rep>> {
  std::size_t operator()(lagrange::runtime::strong<Tag, Rep> x) const noexcept {
    return std::hash<Rep>{}(x.value);
  }
};
