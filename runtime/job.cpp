#include "runtime/job.hpp"

#include "ops/contract.hpp"
#include "runtime/job_keys.hpp"
#include "runtime/job_model.hpp"
#include "runtime/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

namespace lagrange::runtime {
namespace {

struct problem {
  std::uint32_t line = 0; ///< sorts what the file's tables scatter
  std::string text;
};

const key_rule* find_rule(std::string_view key) {
  for (const auto& rule : key_rules())
    if (rule.key == key) return &rule;
  return nullptr;
}

std::string_view table_of(std::string_view key) {
  const auto dot = key.rfind('.');
  return dot == key.npos ? std::string_view() : key.substr(0, dot);
}

std::string_view leaf_of(std::string_view key) { return key.substr(key.rfind('.') + 1); }

bool is_table(std::string_view key) {
  const auto rules = key_rules();
  return std::any_of(rules.begin(), rules.end(),
                     [&](const key_rule& rule) { return table_of(rule.key) == key; });
}

/// What may stand in the table that `key` is in: keys, and tables.
std::vector<std::string_view> siblings(std::string_view key) {
  const auto table = table_of(key);
  std::vector<std::string_view> names;
  for (const auto& rule : key_rules()) {
    auto rest = rule.key;
    if (!table.empty()) {
      if (!rest.starts_with(table) || rest.substr(table.size(), 1) != ".") continue;
      rest.remove_prefix(table.size() + 1);
    }
    const auto name = rest.substr(0, rest.find('.'));
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

/// The whole key that an unknown one was meant to be: one of its own table if near, else one of any
/// table whose last word is near.
std::string nearest_key(std::string_view key) {
  const auto table = table_of(key);
  const auto near = nearest(leaf_of(key), siblings(key));
  if (!near.empty()) return table.empty() ? near : fmt::format("{}.{}", table, near);
  std::vector<std::string_view> leaves;
  for (const auto& rule : key_rules()) leaves.push_back(leaf_of(rule.key));
  const auto leaf = nearest(leaf_of(key), leaves);
  for (const auto& rule : key_rules())
    if (!leaf.empty() && leaf_of(rule.key) == leaf) return std::string(rule.key);
  return {};
}

std::string unknown_key(std::string_view key, bool is_a_table) {
  std::string names;
  for (const auto name : siblings(key)) names += (names.empty() ? "" : ", ") + std::string(name);
  const auto table = table_of(key);
  const auto near = nearest_key(key);
  return fmt::format("unknown {} {}, expected one of {}{}{}", is_a_table ? "table" : "key", key,
                     names, table.empty() ? "" : fmt::format(" in [{}]", table),
                     near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

/// Reads TOML tables into a job and collects what is wrong with them.
class job_reader {
public:
  job_reader(const catalog& rows, std::vector<problem>& problems)
      : rows_(rows), problems_(problems) {}

  /// `place` says where a line of the table stands.
  void read(const toml::table& table, const std::filesystem::path& folder,
            const std::function<std::string(std::uint32_t line)>& place) {
    read(table, "", value_context{folder, rows_}, place);
  }

  job out;

private:
  template <class Place>
  void read(const toml::table& table, const std::string& prefix, const value_context& context,
            const Place& place) {
    for (const auto& [name, node] : table) {
      const auto key = prefix + std::string(name.str());
      const auto line = std::max(name.source().begin.line, node.source().begin.line);
      const auto* rule = find_rule(key);
      std::string text;
      if (rule)
        text = read_value(*rule, node, context, out);
      else if (is_model_key(key, node))
        text = read_model_key(key, node, out);
      else if (!is_table(key))
        text = unknown_key(key, node.is_table());
      else if (node.is_table())
        read(*node.as_table(), key + ".", context, place);
      else
        text = fmt::format("{} = {}, expected a table [{}] with keys of its own", key,
                           describe(node), key);
      if (!text.empty()) problems_.push_back({line, place(line) + ": " + text});
      if (rule) out.written.places[key] = place(line);
    }
  }

  const catalog& rows_;
  std::vector<problem>& problems_;
};

/// `text` as TOML, or a problem.
toml::table parse_text(std::string_view text, const std::string& origin,
                       std::vector<problem>& problems) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& wrong) {
    const auto at = wrong.source().begin;
    problems.push_back({at.line, fmt::format("{}:{}:{}: no TOML: {}, expected lines of key = value "
                                             "under [table] headings (text stands in quotes)",
                                             origin, at.line, at.column, wrong.description())});
    return {};
  }
}

/// VALUE of an override: as TOML if that is what it is, else as a string.
toml::table parse_override(std::string_view key, const std::string& text) {
  toml::table leaf;
  try {
    auto parsed = toml::parse("value = " + text);
    // A line break could smuggle a second key in; such a value is text.
    if (parsed.size() == 1) leaf = std::move(parsed);
  } catch (const toml::parse_error&) {
    leaf.clear();
  }
  if (leaf.empty()) leaf.insert("value", text);
  toml::table whole;
  auto* into = &whole;
  auto rest = key;
  for (auto dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
    into = into->insert(rest.substr(0, dot), toml::table()).first->second.as_table();
    rest.remove_prefix(dot + 1);
  }
  leaf.get("value")->visit([&](auto& value) { into->insert(rest, std::move(value)); });
  return whole;
}

void read_overrides(std::span<const std::string> overrides, job_reader& reader,
                    std::vector<problem>& problems) {
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    const auto place = "command line (" + text + ")";
    if (equals == text.npos || equals == 0) {
      problems.push_back({0, place + ": expected KEY=VALUE, as in data.batch=32"});
      continue;
    }
    const auto table =
        parse_override(std::string_view(text).substr(0, equals), text.substr(equals + 1));
    reader.read(table, std::filesystem::current_path(), [&](std::uint32_t) { return place; });
  }
}

std::string joined(const std::vector<problem>& problems) {
  std::string text;
  for (const auto& one : problems) text += (text.empty() ? "" : "\n") + one.text;
  return text;
}

} // namespace

bool job::optimizer_table::operator==(const optimizer_table& other) const {
  const auto fields = [](const optimizer_table& x) {
    const auto& o = x.options;
    return std::tuple(std::string_view(x.name), o.rate, o.momentum, o.beta1, o.beta2, o.epsilon,
                      o.weight_decay, o.beta, o.l1, o.l2, x.clip_norm, std::string_view(x.schedule),
                      x.warmup.number, x.warmup.unit);
  };
  return fields(*this) == fields(other);
}

std::vector<key_row> job_keys(const catalog& rows) {
  const job defaults;
  std::vector<key_row> keys;
  for (const auto& rule : key_rules())
    keys.push_back({std::string(rule.key), write_value(rule, defaults), expected_value(rule, rows),
                    std::string(rule.help)});
  return keys;
}

result<job> parse_job(std::string_view toml, const std::string& origin,
                      std::span<const std::string> overrides, const catalog& rows) {
  std::vector<problem> problems;
  job_reader reader(rows, problems);
  const auto table = parse_text(toml, origin, problems);
  const auto folder = std::filesystem::absolute(origin).parent_path();
  reader.read(table, folder,
              [&](std::uint32_t line) { return fmt::format("{}:{}", origin, line); });
  std::stable_sort(problems.begin(), problems.end(),
                   [](const problem& a, const problem& b) { return a.line < b.line; });
  read_overrides(overrides, reader, problems);
  if (!problems.empty()) return failure(errc::bad_argument, joined(problems));
  return std::move(reader.out);
}

std::string to_toml(const job& x) {
  constexpr std::size_t comment_column = 46;
  std::string out;
  std::string_view table;
  std::size_t key_width = 0;
  for (const auto& rule : key_rules()) {
    if (table_of(rule.key) != table) {
      table = table_of(rule.key);
      out += fmt::format("\n[{}]\n", table);
      key_width = 0;
      for (const auto name : siblings(rule.key)) key_width = std::max(key_width, name.size());
    }
    const auto line =
        fmt::format("{:<{}} = {}", leaf_of(rule.key), key_width, write_value(rule, x));
    out += fmt::format("{:<{}}  # {}\n", line, comment_column, rule.help);
    if (rule.key == "model.name") out += write_model_keys(x);
  }
  return out;
}

std::string key_error(const job& x, std::string_view key, std::string_view text) {
  const auto place = x.written.places.find(key);
  const auto* rule = find_rule(key);
  LAGRANGE_EXPECT(rule, "no such key: " + std::string(key));
  return fmt::format("{}: {} = {}: {}", place == x.written.places.end() ? "default" : place->second,
                     key, write_value(*rule, x), text);
}

} // namespace lagrange::runtime
