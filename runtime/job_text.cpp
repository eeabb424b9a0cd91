// Values of a config as text: what is written into one, and what errors show of one.
#include "runtime/job_keys.hpp"

#include <fmt/format.h>

#include <sstream>

namespace lagrange::runtime {

namespace {
constexpr std::size_t shown_letters_max = 60;
} // namespace

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if ((c >= 0 && c < ' ') || c == '\x7f')
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    else
      out += c;
  }
  return out + "\"";
}

std::string describe(const toml::node& found) {
  if (found.is_table()) return "a table";
  if (found.is_array() && found.as_array()->empty()) return "[]";
  if (const auto* text = found.as_string()) {
    const bool is_long = text->get().size() > shown_letters_max;
    return toml_text(text->get().substr(0, shown_letters_max)) + (is_long ? "..." : "");
  }
  std::ostringstream out;
  found.visit([&](const auto& value) { out << value; });
  const auto text = out.str();
  return text.size() > shown_letters_max ? "a long list" : text;
}

} // namespace lagrange::runtime
