#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <ostream>
#include <regex>
#include <set>

namespace lagrange::tidy {

namespace {

using words = std::initializer_list<std::string_view>;

bool is_one_of(std::string_view word, words list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool starts_with_one_of(std::string_view text, words list) {
  return std::any_of(list.begin(), list.end(), [&](auto word) { return text.starts_with(word); });
}

bool is_header(const source& file) { return file.path.ends_with(".hpp"); }
bool is_cpp(const source& file) {
  return is_header(file) || file.path.ends_with(".cpp") || file.path.ends_with(".cu") ||
         file.path.ends_with(".cuh");
}
bool is_library(const source& file) {
  return is_cpp(file) && is_one_of(top_folder(file.path), {"ops", "runtime", "actors"});
}

std::string quoted(const std::string& text) { return std::string(1, '"').append(text) + '"'; }

// Every match of `pattern` in a line of `view`; a rule says what is to be done instead.
findings search(const source& file, std::string_view view, const std::regex& pattern,
                const std::string& rule, const std::string& expected) {
  findings found;
  std::size_t number = 0;
  for (const auto line : lines(view)) {
    ++number;
    std::cmatch match;
    if (std::regex_search(line.data(), line.data() + line.size(), match, pattern))
      found.push_back({file.path, number, rule, quoted(match.str()) + ": " + expected});
  }
  return found;
}

struct include_line {
  std::size_t line;
  std::string path;
};

std::vector<include_line> includes(const source& file) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  std::vector<include_line> found;
  std::size_t number = 0;
  for (const auto line : lines(file.spoken)) {
    ++number;
    std::cmatch match;
    if (std::regex_search(line.data(), line.data() + line.size(), match, pattern))
      found.push_back({number, match[1].str()});
  }
  return found;
}

template <class Claim>
findings refuse_includes(const source& file, const std::string& rule, const std::string& expected,
                         Claim is_refused) {
  findings found;
  for (const auto& [line, path] : includes(file))
    if (is_refused(path)) found.push_back({file.path, line, rule, "includes " + path + expected});
  return found;
}

void append(findings& all, findings more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// "signal_handler", "SignalHandler" and "signal-handler" alike.
std::vector<std::string> parts_of(std::string_view name) {
  std::vector<std::string> parts(1);
  for (const char c : name) {
    const bool is_upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    const bool is_alpha = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (!is_alpha || (is_upper && !parts.back().empty())) parts.emplace_back();
    if (is_alpha) parts.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return parts;
}

std::string banned_word(std::string_view name) {
  for (auto part : parts_of(name)) {
    if (part.size() > 1 && part.back() == 's') part.pop_back();
    if (is_one_of(part, {"server", "master", "slave", "manager", "handler", "helper", "util",
                         "common", "misc", "info"}))
      return part;
  }
  return "";
}

} // namespace

std::ostream& operator<<(std::ostream& out, const finding& x) {
  return out << x.path << ":" << x.line << ": " << x.rule << ": " << x.text;
}

findings check_layers(const source& file) {
  static const std::map<std::string_view, std::set<std::string_view>> allowed{
      {"ops", {"ops"}},
      {"schema", {"schema"}},
      {"runtime", {"runtime", "ops", "schema"}},
      {"actors", {"actors", "runtime", "ops", "schema"}},
      {"apps", {"apps", "actors", "runtime", "ops", "schema", "lagrange"}},
      {"tests", {"tests", "apps", "actors", "runtime", "ops", "schema", "lagrange"}},
      {"bench", {"bench", "apps", "actors", "runtime", "ops", "schema", "lagrange"}}};
  const auto rule = allowed.find(top_folder(file.path));
  if (rule == allowed.end() || !is_cpp(file)) return {};
  return refuse_includes(
      file, "layers", ", but includes point down: apps -> actors -> runtime -> ops, schema",
      [&](std::string_view path) {
        const auto folder = top_folder(path);
        return (allowed.contains(folder) || folder == "lagrange") && !rule->second.contains(folder);
      });
}

findings check_caf(const source& file) {
  if (is_one_of(top_folder(file.path), {"actors", "apps", "tests", "bench"})) return {};
  return refuse_includes(file, "L1", ", but only actors/, apps/, tests/ and bench/ know CAF",
                         [](std::string_view path) { return path.starts_with("caf/"); });
}

findings check_capnp(const source& file) {
  const auto folder = top_folder(file.path);
  const bool is_about_bytes =
      folder == "tests" || (folder == "runtime" &&
                            starts_with_one_of(stem(file.path), {"wire", "checkpoint", "journal"}));
  if (is_about_bytes) return {};
  return refuse_includes(
      file, "L2", ", but only runtime's wire*, checkpoint* and journal* know Cap'n Proto",
      [](std::string_view path) {
        return starts_with_one_of(path, {"capnp/", "kj/"}) || path.ends_with(".capnp.h");
      });
}

findings check_cuda(const source& file) {
  if (file.path.ends_with(".cu") || file.path == "ops/cuda/backend.hpp") return {};
  auto found = refuse_includes(
      file, "L3", ", but only *.cu and ops/cuda/backend.hpp know CUDA", [](std::string_view path) {
        return starts_with_one_of(
            path, {"cuda", "cublas", "cudnn", "curand", "nccl", "nvml", "cub/", "thrust/"});
      });
  static const std::regex conditional(R"(^\s*#\s*(if|elif).*CUDA)");
  if (is_header(file))
    append(found, search(file, file.code, conditional, "L3", "no header depends on CUDA"));
  return found;
}

findings check_globals(const source& file) {
  if (!is_library(file)) return {};
  static const std::regex environment(R"(\b((secure_)?getenv|setenv|putenv|environ)\b)");
  auto found = search(file, file.code, environment, "L4", "only apps/ reads the environment");
  static const std::regex fixed(R"(\b(const|constexpr)\b|^(friend|extern "")|^$)");
  for (const auto& x : declarations(file)) {
    if (x.kind != declared::variable || std::regex_search(x.text, fixed)) continue;
    if (!x.in_class || x.text.starts_with("static ") || x.text.starts_with("inline "))
      found.push_back({file.path, x.line, "L4", quoted(x.text) + " is a global that can change"});
  }
  // Statics of a function: a singleton by another name. What a thread keeps of the device's own
  // libraries, in *.cu, is none: nobody else sees it.
  static const std::regex local(R"(^\s+(static|thread_local)\s(?!.*\bconst)[^(]*[;={])");
  static const std::regex shared(R"(^\s+static\s(?!.*\bconst)[^(]*[;={])");
  const bool is_device = file.path.ends_with(".cu");
  append(found, search(file, file.code, is_device ? shared : local, "L4", "a static can change"));
  return found;
}

findings check_purity(const source& file) {
  const auto folder = top_folder(file.path);
  static const std::regex nap(R"(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\()");
  if (!is_cpp(file)) return {};
  if (folder == "tests")
    return search(file, file.code, nap, "no sleep", "wait for what is to happen, with a limit");
  if ((folder != "runtime" && folder != "actors") || file.path.starts_with("runtime/transport/"))
    return {};
  auto found = search(file, file.code, nap, "no sleep", "arm a timer");
  static const std::regex threads(
      R"(\bstd::(jthread|thread|this_thread|async|condition_variable|)"
      R"((\w+_)?mutex|lock_guard|unique_lock|scoped_lock)\b|\bpthread_)");
  append(found, search(file, file.code, threads, "no thread", "actors and apps/ have threads"));
  if (folder == "runtime") {
    static const std::regex impure(R"(_clock::now\b|\bstd::(random_device|mt19937\w*)\b|)"
                                   R"(\b(rand|time|clock_gettime|gettimeofday)\s*\()");
    append(found, search(file, file.code, impure, "twin rule", "take `now` or a seed instead"));
  } else {
    static const std::regex endless(R"(\bcaf::infinite\b)");
    append(found, search(file, file.code, endless, "deadlines", "every request has one"));
  }
  return found;
}

findings check_sizes(const source& file) {
  constexpr std::size_t columns_max = 100;
  constexpr std::size_t function_max = 60;
  if (!is_cpp(file)) return {};
  findings found;
  const auto all = lines(file.text);
  const std::size_t lines_max = is_header(file) ? 250 : 400;
  if (all.size() > lines_max)
    found.push_back({file.path, all.size(), "size",
                     "the file has " + std::to_string(all.size()) + " lines, at most " +
                         std::to_string(lines_max)});
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto columns = static_cast<std::size_t>(std::count_if(
        all[i].begin(), all[i].end(), [](char c) { return (c & 0xC0) != 0x80; })); // UTF-8
    if (columns > columns_max)
      found.push_back(
          {file.path, i + 1, "size",
           std::to_string(columns) + " columns, at most " + std::to_string(columns_max)});
  }
  for (const auto& x : declarations(file))
    if (const auto length = x.last_line - x.line + 1;
        x.kind == declared::function && length > function_max)
      found.push_back({file.path, x.line, "size",
                       x.name + " has " + std::to_string(length) + " lines, at most " +
                           std::to_string(function_max)});
  return found;
}

findings check_names(const source& file) {
  findings found;
  if (const auto word = banned_word(file.path); !word.empty())
    found.push_back({file.path, 1, "names", "a file called \"" + word + "\" could hold anything"});
  if (!is_cpp(file)) return found;
  for (const auto& x : declarations(file))
    if (const auto word = banned_word(x.name); x.kind != declared::variable && !word.empty())
      found.push_back({file.path, x.line, "names", x.name + ": \"" + word + "\" says nothing"});
  return found;
}

findings check_header(const source& file) {
  if (!is_header(file)) return {};
  findings found;
  if (!file.text.starts_with("/// \\file\n/// "))
    found.push_back({file.path, 1, "header", "it opens with /// \\file and what it is"});
  if (file.code.find("#pragma once") == std::string::npos)
    found.push_back({file.path, 1, "header", "#pragma once is missing"});
  return found;
}

findings check_unfinished(const source& file) {
  static const std::regex notes(R"(\b(TODO|FIXME|XXX|HACK)\b)");
  if (file.path.ends_with(".md")) return {};
  return search(file, is_cpp(file) ? file.comments : file.text, notes, "unfinished",
                "finish it, or open an issue");
}

} // namespace lagrange::tidy
