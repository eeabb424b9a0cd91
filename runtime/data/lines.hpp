/// \file
/// A text file line by line, for the formats that are lines of fields: what is wrong is said with
/// the number of the line.
#pragma once

#include "runtime/error.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// Takes what comes before the first `separator`, or all; `rest` keeps what comes behind it.
inline std::string_view take_field(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto field = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return field;
}

/// The number that all of `text` is; nothing else may stand there.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || problem != std::errc{}) return std::nullopt;
  return value;
}

/// The lines of a whole file, without their ends.
class line_reader {
public:
  /// Requires: `text` outlives this.
  line_reader(std::string path, std::string_view text) : path_(std::move(path)), rest_(text) {}

  /// Moves to the next line. False: there is none.
  bool next() {
    if (rest_.empty()) return false;
    line_ = take_field(rest_, '\n');
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    ++number_;
    return true;
  }
  std::string_view line() const { return line_; }
  const std::string& path() const { return path_; }

  /// The refusal of this line.
  auto damaged(const std::string& found, std::string_view expected) const
      -> decltype(failure(errc::bad_file, {})) {
    return failure(errc::bad_file, path_ + " is damaged at line " + std::to_string(number_) + ": " +
                                       found + ", expected " + std::string(expected) +
                                       "; check the file");
  }

private:
  std::string path_;
  std::string_view rest_;
  std::string_view line_;
  std::size_t number_ = 0;
};

/// A field of a file as an error shows it: in quotes, and not too long.
inline std::string shown(std::string_view field) {
  constexpr std::size_t letters_max = 30;
  std::string text = "\"";
  for (const char c : field.substr(0, letters_max)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (field.size() > letters_max ? "...\"" : "\"");
}

} // namespace lagrange::runtime
