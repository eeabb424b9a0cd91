#include "runtime/data/byte_source.hpp"
#include "runtime/data/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lagrange::runtime {

namespace {

// Each process that reads the data holds the text as a whole.
constexpr std::size_t bytes_max = std::size_t{1} << 32;

class text_windows final : public dataset {
public:
  text_windows(std::string symbols, std::int64_t vocabulary, std::size_t context)
      : symbols_(std::move(symbols)), vocabulary_(vocabulary), context_(context) {}

  std::size_t size() const override { return (symbols_.size() - 1) / context_; }
  ops::model_input input() const override {
    return {{static_cast<std::int64_t>(context_)},
            vocabulary_,
            ops::sample_kind::tokens,
            {vocabulary_, 0}};
  }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    const ops::shape extents{static_cast<std::int64_t>(samples.size()),
                             static_cast<std::int64_t>(context_)};
    batch out{.inputs = ops::tensor(ops::dtype::i32, extents),
              .labels = ops::tensor(ops::dtype::i32, extents)};
    auto input = out.inputs.values<std::int32_t>().begin();
    auto label = out.labels.values<std::int32_t>().begin();
    const auto number = [](char symbol) {
      return std::int32_t{static_cast<unsigned char>(symbol)};
    };
    for (const auto sample : samples) {
      const auto window = std::string_view(symbols_).substr(sample * context_, context_ + 1);
      input = std::ranges::transform(window.substr(0, context_), input, number).out;
      label = std::ranges::transform(window.substr(1), label, number).out;
    }
    return out;
  }

private:
  std::string symbols_; ///< their numbers, not the bytes of the file
  std::int64_t vocabulary_;
  std::size_t context_;
};

/// Puts the number of each byte in its place. Returns how many different ones there are.
std::int64_t number_symbols(std::string& text) {
  std::array<bool, 256> occurs{};
  for (const auto byte : text) occurs[static_cast<unsigned char>(byte)] = true;
  std::array<char, 256> number{};
  int next = 0;
  for (std::size_t byte = 0; byte < occurs.size(); ++byte)
    if (occurs[byte]) number[byte] = static_cast<char>(next++);
  for (auto& byte : text) byte = number[static_cast<unsigned char>(byte)];
  return next;
}

} // namespace

result<std::unique_ptr<dataset>> open_text(const std::string& path, data_split split,
                                           const data_options& options) {
  BOOST_OUTCOME_TRY(file, find_data_file(path, "a text file"));
  BOOST_OUTCOME_TRY(text, read_data_file(file, bytes_max));
  const auto tested = text.size() / 10;
  if (tested <= options.context)
    return failure(errc::bad_file,
                   fmt::format("{} has {} characters, expected at least {}: a tenth is to test on "
                               "and must hold more than one window; take a longer text or a "
                               "smaller data.context than {}",
                               file, text.size(), 10 * (std::uint64_t{options.context} + 1),
                               options.context));
  const auto vocabulary = number_symbols(text);
  if (vocabulary < 2)
    return failure(errc::bad_file,
                   fmt::format("{} has one character again and again, expected at least two "
                               "different ones: check that it is a text",
                               file));
  const auto first_tested = text.size() - tested;
  auto part = split == data_split::train ? text.substr(0, first_tested) : text.substr(first_tested);
  return std::make_unique<text_windows>(std::move(part), vocabulary, options.context);
}

} // namespace lagrange::runtime
