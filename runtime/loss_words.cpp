#include "runtime/loss_words.hpp"

#include <fmt/format.h>

#include <vector>

namespace lagrange::runtime {

namespace {

/// A line stays readable.
constexpr std::size_t leases_told = 4;
constexpr std::size_t samples_told = 64;

/// "1, 2 and 3", or "1, 2 and 7 more".
std::string listed(const std::vector<std::string>& words, std::size_t most) {
  if (words.size() > most) {
    const std::vector<std::string> first(words.begin(),
                                         words.begin() + static_cast<std::ptrdiff_t>(most));
    return fmt::format("{} and {} more", fmt::join(first, ", "), words.size() - most);
  }
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

} // namespace

std::string dealt_again_text(std::span<const lease_id> leases) {
  if (leases.empty()) return "no lease was open";
  std::vector<std::string> words;
  for (const auto id : leases) words.push_back(to_string(id));
  return fmt::format("lease{} {} dealt again", words.size() == 1 ? "" : "s",
                     listed(words, leases_told));
}

std::string set_aside_text(const lease_set_aside& x) {
  std::vector<std::string> died, samples;
  for (const auto& who : x.died)
    died.push_back(fmt::format("{} (incarnation {})", to_string(who.name), who.life.value));
  for (const auto sample : x.samples) samples.push_back(std::to_string(sample));
  return fmt::format("lease {} is set aside: {} died with it; its samples of epoch {} are {}",
                     x.what.value, listed(died, died.size()), x.epoch + 1,
                     listed(samples, samples_told));
}

} // namespace lagrange::runtime
