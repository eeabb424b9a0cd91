/// \file
/// The course of a job's training loss, in windows: what diagnosis looks at. It keeps the last few
/// windows, the first and the best, so that a job of any length costs the same.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace lagrange::runtime {

/// Losses are means over reports; how far these spread says how far the mean of all can be trusted.
class loss_window {
public:
  void add(double loss, double steps);
  bool is_empty() const { return weight_ == 0; }
  double steps() const { return weight_; }
  double mean() const { return weighted_ / weight_; }
  /// Of the mean.
  double variance() const;

  std::uint64_t samples = 0; ///< of the job, at its end

private:
  double weight_ = 0, weighted_ = 0;              ///< steps, and their losses added up
  double squares_ = 0, crossed_ = 0, spread_ = 0; ///< steps^2 times 1, loss, loss^2
};

class loss_course {
public:
  /// Windows that end within the warm-up are no time to judge: the rate is next to nothing.
  explicit loss_course(std::uint64_t warmup_samples) : warmup_samples_(warmup_samples) {}

  /// Requires: not empty.
  void add(const loss_window& x);

  /// Since the warm-up.
  std::size_t judged() const { return judged_; }
  /// Of the first window since the warm-up. Requires: judged() > 0.
  double begun() const { return *begun_; }
  double most() const { return most_; }
  double least() const { return least_; }
  const loss_window& last() const { return recent_.back(); }
  /// Whether the last windows, as many as are kept, have at least that mean.
  bool stands_at(double loss) const;
  /// The best window before the last two, if both have risen over it by more than chance explains.
  std::optional<loss_window> risen_from() const;

private:
  bool is_risen(const loss_window& x) const;

  std::uint64_t warmup_samples_;
  std::size_t judged_ = 0;
  std::optional<double> first_, begun_;
  double most_ = 0, least_ = std::numeric_limits<double>::infinity();
  std::vector<loss_window> recent_;
  std::optional<loss_window> best_;
};

} // namespace lagrange::runtime
