// The rules about names of tests and about the tree as a whole.
#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <regex>
#include <set>

namespace lagrange::tidy {

namespace {

struct test_name {
  std::size_t line;
  std::string text;
};

std::vector<test_name> test_names(const source& file) {
  static const std::regex pattern(R"re(\b(?:TEMPLATE_)?TEST_CASE\w*\(\s*"((?:[^"\\]|\\.)*)")re");
  std::vector<test_name> found;
  if (top_folder(file.path) != "tests" || !file.path.ends_with(".cpp")) return found;
  const auto& text = file.spoken;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    const auto begin = static_cast<std::size_t>(at->position());
    // A snippet inside a literal is no test.
    if (file.code.compare(begin, 4, text, begin, 4) != 0) continue;
    const auto line = std::count(text.begin(), text.begin() + at->position(), '\n') + 1;
    found.push_back({static_cast<std::size_t>(line), (*at)[1].str()});
  }
  return found;
}

std::vector<std::string> ids_in(const std::string& name) {
  static const std::regex pattern(R"(\b[A-Z]{2}-[0-9]+\b)");
  std::vector<std::string> ids;
  for (std::sregex_iterator at(name.begin(), name.end(), pattern), end; at != end; ++at)
    ids.push_back(at->str());
  return ids;
}

bool is_readme(const source& file) {
  return file.path == "README.md" || file.path.ends_with("/README.md");
}

} // namespace

findings check_test_names(const source& file) {
  static const std::regex filler(R"(^tests?\b|^testing\b|\b(works|correctly|properly|should)\b)",
                                 std::regex::icase);
  findings found;
  for (const auto& [line, text] : test_names(file))
    if (std::smatch match; std::regex_search(text, match, filler))
      found.push_back({file.path, line, "test names",
                       "in the name of `" + text + "`, `" + match.str() + "` is no part of a law"});
  return found;
}

findings check_folders(std::span<const std::string> paths) {
  static const std::set<std::string_view> fixed{"schema", "ops",   "runtime", "actors",
                                                "apps",   "tests", "bench",   ".ci"};
  findings found;
  for (const auto& path : paths)
    if (const auto folder = top_folder(path); !folder.empty() && !fixed.contains(folder))
      found.push_back({path, 1, "folders",
                       "the top of the tree holds schema, ops, runtime, actors, apps, tests, bench "
                       "and .ci; what is this for?"});
  return found;
}

findings check_invariants(std::span<const invariant> table, std::span<const source> files) {
  findings found;
  std::set<std::string> named;
  for (const auto& file : files)
    for (const auto& [line, text] : test_names(file))
      for (const auto& id : ids_in(text)) {
        named.insert(id);
        const auto row =
            std::find_if(table.begin(), table.end(), [&](const auto& x) { return x.id == id; });
        if (row == table.end())
          found.push_back({file.path, line, "invariants", id + " is none of the design's"});
        else if (!row->missing.empty())
          found.push_back({file.path, line, "invariants",
                           id + " is tested, but the table in tests/tidy_test.cpp says: " +
                               std::string(row->missing)});
      }
  for (const auto& row : table)
    if (row.missing.empty() && !named.contains(std::string(row.id)))
      found.push_back({"tests", 0, "invariants", "no test is named after " + std::string(row.id)});
  return found;
}

findings check_documented(std::string_view table, std::span<const std::string> names,
                          std::span<const source> files) {
  findings found;
  for (const auto& name : names) {
    const auto is_told = [&](const source& file) {
      return is_readme(file) && (file.text.find("`" + name + "`") != std::string::npos ||
                                 file.text.find("`" + name + ":") != std::string::npos);
    };
    if (std::none_of(files.begin(), files.end(), is_told))
      found.push_back({"README.md", 0, "documented",
                       "no README tells of `" + name + "`, one of the " + std::string(table)});
  }
  return found;
}

} // namespace lagrange::tidy
