#include "apps/command_words.hpp"

#include "runtime/nearest.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace lagrange {

namespace {

std::vector<std::string_view> option_names(const CLI::App& app) {
  std::vector<std::string_view> names;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back(name);
  return names;
}

} // namespace

int refuse(const console& text, std::string_view reasons) {
  std::istringstream lines{std::string(reasons)};
  for (std::string line; std::getline(lines, line);) text.err << "lagrange: " << line << "\n";
  return status_refused;
}

std::optional<int> parse(CLI::App& app, const invocation& call) {
  app.allow_extras();
  try {
    app.parse(std::vector<std::string>(call.words.rbegin(), call.words.rend()));
  } catch (const CLI::CallForHelp&) {
    call.text.out << app.help();
    return 0;
  } catch (const CLI::ParseError& wrong) {
    return refuse(call.text,
                  fmt::format("{}; see lagrange {} --help", wrong.what(), app.get_name()));
  }
  std::string reasons;
  const auto names = option_names(app);
  for (const auto& word : app.remaining()) {
    const auto bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    const auto near = bare == word ? "" : runtime::nearest(bare.substr(0, bare.find('=')), names);
    reasons +=
        fmt::format("{} is no option of {}{}; see lagrange {} --help\n", word, app.get_name(),
                    near.empty() ? "" : fmt::format(", did you mean --{}?", near), app.get_name());
  }
  if (!reasons.empty()) return refuse(call.text, reasons);
  return std::nullopt;
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t high) {
  std::uint32_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end || value > high) return std::nullopt;
  return value;
}

std::optional<runtime::actor_name> parse_name(std::string_view text) {
  using enum runtime::actor_role;
  const auto dash = text.rfind('-');
  for (const auto role : {supervisor, worker, shard, feeder, evaluator, replica}) {
    if (dash == text.npos || text.substr(0, dash) != name(role)) continue;
    if (const auto index = parse_number(text.substr(dash + 1), 65'535))
      return runtime::actor_name{role, *index};
  }
  return std::nullopt;
}

} // namespace lagrange
