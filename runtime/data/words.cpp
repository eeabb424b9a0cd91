#include "runtime/data/byte_source.hpp"
#include "runtime/data/pairs.hpp"
#include "runtime/data/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace lagrange::runtime {

namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 32;

class word_pairs final : public dataset {
public:
  /// Shapes: words [N], each below `vocabulary`.
  word_pairs(std::vector<std::int32_t> words, std::int64_t vocabulary, std::size_t window,
             std::int64_t others)
      : words_(std::move(words)), vocabulary_(vocabulary), others_(others) {
    for (std::size_t distance = 1; distance <= window && distance < words_.size(); ++distance)
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + 2 * (words_.size() - distance));
  }

  std::size_t size() const override { return ends_.empty() ? 0 : ends_.back(); }
  ops::model_input input() const override { return pairs_input(vocabulary_, vocabulary_, others_); }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    auto out = make_pairs(samples.size(), others_);
    auto row = out.inputs.values<std::int32_t>();
    for (const auto sample : samples) {
      const auto [centre, context] = pair_of(sample);
      row[0] = centre;
      row[1] = context;
      row = row.subspan(2);
      const auto others = static_cast<std::size_t>(others_);
      draw_others(sample, vocabulary_, row.first(others),
                  [truth = context](std::int32_t other) { return other == truth; });
      row = row.subspan(others);
    }
    return out;
  }

private:
  /// Pairs are numbered by distance, then by place, then by who is the centre.
  std::pair<std::int32_t, std::int32_t> pair_of(std::size_t sample) const {
    const auto group = std::ranges::upper_bound(ends_, sample) - ends_.begin();
    if (group > 0) sample -= ends_[static_cast<std::size_t>(group - 1)];
    const auto left = words_[sample / 2];
    const auto right = words_[sample / 2 + static_cast<std::size_t>(group + 1)];
    return sample % 2 == 0 ? std::pair(left, right) : std::pair(right, left);
  }

  std::vector<std::int32_t> words_;
  std::int64_t vocabulary_;
  std::int64_t others_;
  std::vector<std::size_t> ends_; ///< by distance: the first sample of a larger one
};

/// The words of `text`, which is changed to lower case.
std::vector<std::string_view> split_words(std::string& text) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::vector<std::string_view> words;
  for (auto at = text.begin(); at != text.end();) {
    const auto first = std::find_if(at, text.end(), is_letter);
    at = std::find_if_not(first, text.end(), is_letter);
    if (first != at) words.emplace_back(first, at);
  }
  return words;
}

using vocabulary = std::unordered_map<std::string_view, std::int32_t>;

/// Frequent words first; equally frequent ones in the order of the alphabet.
vocabulary number_words(std::span<const std::string_view> words, std::uint32_t min_count) {
  std::unordered_map<std::string_view, std::uint32_t> counts;
  for (const auto word : words) ++counts[word];
  std::vector<std::pair<std::string_view, std::uint32_t>> kept;
  for (const auto& each : counts)
    if (each.second >= min_count) kept.push_back(each);
  std::ranges::sort(kept, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  vocabulary numbers;
  for (const auto& [word, count] : kept)
    numbers.emplace(word, static_cast<std::int32_t>(numbers.size()));
  return numbers;
}

std::vector<std::int32_t> numbers_of(std::span<const std::string_view> words,
                                     const vocabulary& numbers) {
  std::vector<std::int32_t> out;
  for (const auto word : words)
    if (const auto found = numbers.find(word); found != numbers.end()) out.push_back(found->second);
  return out;
}

} // namespace

result<std::unique_ptr<dataset>> open_words(const std::string& path, data_split split,
                                            const data_options& options) {
  BOOST_OUTCOME_TRY(file, find_data_file(path, "a text file"));
  BOOST_OUTCOME_TRY(text, read_data_file(file, bytes_max));
  const auto words = split_words(text);
  const auto trained = words.size() - words.size() / 10;
  const auto train = std::span(words).first(trained);
  const auto test = std::span(words).subspan(trained);
  const auto numbers = number_words(train, options.min_count);
  auto kept = numbers_of(split == data_split::train ? train : test, numbers);
  if (kept.size() < 2 || numbers.size() < 2)
    return failure(errc::bad_file,
                   fmt::format("{} has {} words, {} of them known in the part to {} on, where {} "
                               "are frequent enough to be known; expected at least two of each: "
                               "take a longer text or a smaller data.min_count than {}",
                               file, words.size(), kept.size(), name(split), numbers.size(),
                               options.min_count));
  const auto size = static_cast<std::int64_t>(numbers.size());
  auto made =
      std::make_unique<word_pairs>(std::move(kept), size, options.window,
                                   split == data_split::train ? 0 : std::min(others_max, size - 1));
  if (made->size() > std::numeric_limits<std::uint32_t>::max())
    return failure(errc::bad_file,
                   fmt::format("{} has {} pairs of words, expected less than 2^32: cut the file "
                               "into parts, or take a smaller data.window than {}",
                               file, made->size(), options.window));
  return made;
}

} // namespace lagrange::runtime
