/// \file
/// When a job switches its policy by itself: the rules of staleness.switch, and what watches for
/// them. Each rule is followed once. Part of the supervisor's twin.
#pragma once

#include "runtime/loss_course.hpp"
#include "runtime/reports.hpp"
#include "runtime/schedule.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lagrange::runtime {

/// As a user writes it: {at = "epoch 1", to = "asp"} or {when = "loss rises 20%", to = "bsp"}.
struct switch_rule {
  std::string at;   ///< "epoch 1", "0.5 epochs", "20000 samples"; empty: there is a `when`
  std::string when; ///< "loss rises 20%"
  std::string to;   ///< policy
  bool operator==(const switch_rule&) const = default;
};

/// What makes a rule true.
struct switch_trigger {
  std::optional<training_span> at; ///< so much was applied
  double rise = 0; ///< or else: the training loss is above its best by this share of it
};

/// Errors: bad_argument: neither `at` nor `when`, both, or a text that is none of their forms.
result<switch_trigger> make_trigger(const switch_rule& rule);

/// The training loss in means over windows of steps: a worker's steps are too noisy to be compared.
class loss_trend {
public:
  /// Units: steps.
  explicit loss_trend(std::uint64_t window) : window_(static_cast<double>(window)) {}

  void add(const worker_report& report);
  /// By which share of the best window's mean the last one's is above it; 0 before the second.
  double rise() const;

private:
  double window_;
  loss_window open_;
  std::optional<double> best_, last_;
};

struct switch_watch_options {
  std::vector<switch_rule> rules;
  std::uint64_t epoch_samples = 1;
  std::uint64_t epoch_steps = 1;
};

class switch_watch {
public:
  /// Requires: rules whose triggers can be made.
  explicit switch_watch(switch_watch_options options);

  void on_report(const worker_report& report) { trend_.add(report); }
  /// The policies of rules that have become true, in the order of the rules. `samples`: applied.
  std::vector<std::string> take_due(std::uint64_t samples);

private:
  struct waiting_rule {
    switch_trigger trigger;
    std::string to;
  };
  std::uint64_t epoch_samples_;
  std::vector<waiting_rule> waiting_;
  loss_trend trend_;
};

} // namespace lagrange::runtime
