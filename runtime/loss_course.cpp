#include "runtime/loss_course.hpp"

#include <algorithm>
#include <cmath>

namespace lagrange::runtime {

namespace {

/// So many windows in a row are no chance.
constexpr std::size_t windows_standing = 4, windows_risen = 2;
/// By so much over its best. Batches are drawn anew all the time, so a training loss does not rise
/// by itself.
constexpr double rise = 1.2;
/// A rise also gives back this share of what was won: near zero 20 % is next to nothing.
constexpr double won_share = 0.1;
/// Standard errors between windows that differ by more than chance, though the best of many is
/// taken.
constexpr double errors_between = 4;

} // namespace

void loss_window::add(double loss, double steps) {
  weight_ += steps;
  weighted_ += steps * loss;
  squares_ += steps * steps;
  crossed_ += steps * steps * loss;
  spread_ += steps * steps * loss * loss;
}

double loss_window::variance() const {
  const auto m = mean();
  return std::max(0.0, spread_ - 2 * m * crossed_ + m * m * squares_) / (weight_ * weight_);
}

void loss_course::add(const loss_window& x) {
  if (!first_) first_ = x.mean();
  if (recent_.size() >= windows_risen) {
    const auto& settled = recent_[recent_.size() - windows_risen];
    if (!best_ || settled.mean() < best_->mean()) best_ = settled;
  }
  if (recent_.size() == windows_standing) recent_.erase(recent_.begin());
  recent_.push_back(x);
  most_ = std::max(most_, x.mean());
  least_ = std::min(least_, x.mean());
  if (x.samples < warmup_samples_) return;
  if (!begun_) begun_ = x.mean();
  ++judged_;
}

bool loss_course::stands_at(double loss) const {
  return recent_.size() == windows_standing &&
         std::ranges::all_of(recent_, [&](const auto& x) { return x.mean() >= loss; });
}

bool loss_course::is_risen(const loss_window& x) const {
  const auto by = x.mean() - best_->mean();
  return x.mean() >= rise * best_->mean() && by >= won_share * (*first_ - best_->mean()) &&
         by > errors_between * std::sqrt(x.variance() + best_->variance());
}

std::optional<loss_window> loss_course::risen_from() const {
  if (!best_) return std::nullopt;
  const bool both = std::all_of(recent_.end() - windows_risen, recent_.end(),
                                [this](const auto& x) { return is_risen(x); });
  return both ? best_ : std::nullopt;
}

} // namespace lagrange::runtime
