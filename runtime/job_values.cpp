#include "runtime/job_keys.hpp"
#include "runtime/job_units.hpp"

#include "runtime/job_chaos.hpp"
#include "runtime/job_devices.hpp"
#include "runtime/job_switch.hpp"
#include "runtime/nearest.hpp"
#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t name_letters_max = 64;

bool is_plain_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= name_letters_max && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), is_plain);
}

bool is_path(std::string_view text) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
  return !text.empty() && std::none_of(text.begin(), text.end(), is_control);
}

/// "lenet, mlp or resnet".
std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + toml_text(names[i]);
  return text;
}

std::vector<std::string_view> words_of(const choice_key& key) {
  std::vector<std::string_view> words;
  for (const auto word : key.words)
    if (!word.empty()) words.push_back(word);
  return words;
}

/// Reads one value: true if it was taken. `hint` adds to the refusal; `reason` takes its place.
struct reader {
  const toml::node& found;
  const value_context& context;
  job& out;
  std::string hint{};
  std::string reason{};

  template <class Rep>
  bool operator()(const whole_key<Rep>& key) {
    const auto* value = found.as_integer();
    if (!value || value->get() < 0) return false;
    const auto number = static_cast<std::uint64_t>(value->get());
    if (number < key.low || number > key.high) return false;
    key.at(out) = static_cast<Rep>(number);
    return true;
  }

  bool operator()(const real_key& key) {
    const auto value = number();
    if (!value || !key.holds(static_cast<float>(*value))) return false;
    key.at(out) = static_cast<float>(*value);
    return true;
  }

  bool operator()(const target_key& key) {
    const auto value = number();
    const bool is_none = text() == "none";
    if (!is_none && !(value && *value > 0 && *value <= 1)) return false;
    key.at(out) = is_none ? std::nullopt : value;
    return true;
  }

  bool operator()(const plain_name_key& key) {
    return take(key.at(out), text() && is_plain_name(*text()));
  }

  bool operator()(const path_key& key) {
    if (!take(key.at(out), text() && is_path(*text()))) return false;
    if (key.relative_to_file) key.at(out) = (context.folder / *text()).lexically_normal().string();
    return true;
  }

  bool operator()(const file_key& key) {
    if (text() == "none") {
      key.at(out).clear();
      return true;
    }
    if (!text() || !is_path(*text())) return false;
    key.at(out) = (context.folder / *text()).lexically_normal().string();
    return true;
  }

  bool operator()(const flag_key& key) {
    const auto* value = found.as_boolean();
    if (value) key.at(out) = value->get();
    return value != nullptr;
  }

  bool operator()(const row_name_key& key) {
    const auto names = key.names(context.rows);
    if (text()) hint = did_you_mean(*text(), names);
    return take(key.at(out),
                text() && std::find(names.begin(), names.end(), *text()) != names.end());
  }

  bool operator()(const spec_key& key) {
    if (!text()) return false;
    reason = key.defect(context.rows, *text());
    return take(key.at(out), reason.empty());
  }

  bool operator()(const training_span_key& key) {
    const auto* number = found.as_integer();
    const auto written = number ? std::to_string(number->get()) : std::string(text().value_or(""));
    const auto parsed = parse_training_span(written, "it");
    if (parsed) key.at(out) = parsed.value();
    return parsed.has_value();
  }

  bool operator()(const codec_key& key) {
    if (!text()) return false;
    const auto made = make_codec(context.rows.codecs, *text());
    if (!made) {
      reason = made.error().text;
      return false;
    }
    if (key.sends == codec_key::values::all && made.value()->selects()) {
      reason = "leaves values out, expected one that sends all: a worker needs every parameter";
      return false;
    }
    key.at(out) = made.value()->name();
    return true;
  }

  bool operator()(const choice_key& key) {
    const auto words = words_of(key);
    if (text()) hint = did_you_mean(*text(), words);
    return take(key.at(out),
                text() && std::find(words.begin(), words.end(), *text()) != words.end());
  }

  bool operator()(const only_text_key& key) {
    const std::string_view names[] = {key.only};
    if (text()) hint = did_you_mean(*text(), names);
    return take(key.at(out), text() == key.only);
  }

  bool operator()(const only_list_key& key) {
    const auto* list = found.as_array();
    const auto* first = list && list->size() == 1 ? list->get(0)->as_string() : nullptr;
    if (!first || first->get() != key.only) return false;
    key.at(out) = {first->get()};
    return true;
  }

  bool operator()(const device_list_key& key) { return read_devices(found, key.at(out)); }

  bool operator()(const duration_key& key) {
    const auto value = text() ? parse_duration(*text(), key.high) : std::nullopt;
    if (!value || *value < key.low) return false;
    key.at(out) = *value;
    return true;
  }

  bool operator()(const fine_duration_key& key) {
    const auto value = text() ? parse_fine_duration(*text(), key.high) : std::nullopt;
    if (!value || *value < key.low) return false;
    key.at(out) = *value;
    return true;
  }

  bool operator()(const bit_rate_key& key) {
    const auto value = text() ? parse_bit_rate(*text()) : std::nullopt;
    if (value) key.at(out) = *value;
    return value.has_value();
  }

  bool operator()(const size_key& key) {
    const auto value = text() ? parse_bytes(*text()) : std::nullopt;
    if (value) key.at(out) = *value;
    return value.has_value();
  }

  bool operator()(const epochs_key& key) {
    const auto value = text() ? parse_epochs(*text()) : std::nullopt;
    if (!value) return false;
    key.at(out) = *value;
    return true;
  }

  template <class Key, class Value>
  bool operator()(const override_key<Key, Value>& key) {
    job scratch;
    const bool is_inherited = text() == "inherit";
    if (!is_inherited && !reader{found, context, scratch}(key.like)) return false;
    key.at(out) = is_inherited ? std::nullopt : std::optional(key.like.at(scratch));
    return true;
  }

  bool operator()(const rule_key& key) {
    if (text()) reason = key.problem(*text());
    return take(key.at(out), text() && reason.empty());
  }

  bool operator()(const rule_list_key& key) {
    reason = read_rules(found, key.problem, key.at(out));
    return reason.empty();
  }

  bool operator()(const switch_list_key& key) {
    reason = read_switches(found, context.rows, key.at(out));
    return reason.empty();
  }

private:
  std::optional<std::string_view> text() const {
    const auto* value = found.as_string();
    return value ? std::optional<std::string_view>(value->get()) : std::nullopt;
  }
  std::optional<double> number() const {
    return found.is_number() ? found.value<double>() : std::nullopt;
  }
  bool take(std::string& target, bool is_valid) const {
    if (is_valid) target = *text();
    return is_valid;
  }
};

struct writer {
  job& from;
  template <class Rep>
  std::string operator()(const whole_key<Rep>& key) const {
    return fmt::format("{}", key.at(from));
  }
  std::string operator()(const real_key& key) const { return fmt::format("{}", key.at(from)); }
  std::string operator()(const target_key& key) const {
    const auto& target = key.at(from);
    return target ? fmt::format("{}", *target) : toml_text("none");
  }
  std::string operator()(const file_key& key) const {
    const auto& path = key.at(from);
    return toml_text(path.empty() ? "none" : path);
  }
  std::string operator()(const flag_key& key) const { return key.at(from) ? "true" : "false"; }
  std::string operator()(const only_list_key& key) const { return toml_list(key.at(from)); }
  std::string operator()(const device_list_key& key) const { return toml_list(key.at(from)); }
  std::string operator()(const rule_list_key& key) const { return toml_list(key.at(from)); }
  std::string operator()(const switch_list_key& key) const {
    return written_switches(key.at(from));
  }
  std::string operator()(const duration_key& key) const { return toml_text(written(key.at(from))); }
  std::string operator()(const fine_duration_key& key) const {
    return toml_text(written(key.at(from)));
  }
  std::string operator()(const bit_rate_key& key) const {
    return toml_text(written_bit_rate(key.at(from)));
  }
  std::string operator()(const size_key& key) const {
    return toml_text(written_bytes(key.at(from)));
  }
  std::string operator()(const epochs_key& key) const {
    return toml_text(written_epochs(key.at(from)));
  }
  std::string operator()(const training_span_key& key) const {
    const auto [number, unit] = key.at(from);
    if (unit == training_span::unit_type::samples) return fmt::format("{}", number);
    return toml_text(fmt::format("{} epoch{}", number, number == 1 ? "" : "s"));
  }
  template <class Key, class Value>
  std::string operator()(const override_key<Key, Value>& key) const {
    if (!key.at(from)) return toml_text("inherit");
    job scratch;
    key.like.at(scratch) = *key.at(from);
    return writer{scratch}(key.like);
  }
  template <class Key>
  std::string operator()(const Key& key) const {
    return toml_text(key.at(from));
  }
};

struct describer {
  const catalog& rows;
  template <class Rep>
  std::string operator()(const whole_key<Rep>& key) const {
    return key.low == key.high ? fmt::format("{}", key.low)
                               : fmt::format("a whole number from {} to {}", key.low, key.high);
  }
  std::string operator()(const real_key& key) const { return std::string(key.expected); }
  std::string operator()(const target_key&) const {
    return "a number above 0, at most 1, or \"none\"";
  }
  std::string operator()(const plain_name_key&) const {
    return fmt::format(
        "text of 1 to {} letters, digits, '-', '_' and '.' that begins with a letter, "
        "a digit or '_'",
        name_letters_max);
  }
  std::string operator()(const path_key&) const { return "a path, as text in quotes"; }
  std::string operator()(const file_key&) const {
    return "the path of a file, as text in quotes, or \"none\"";
  }
  std::string operator()(const flag_key&) const { return "true or false"; }
  std::string operator()(const row_name_key& key) const { return listed(key.names(rows)); }
  std::string operator()(const spec_key& key) const { return key.expected(rows); }
  std::string operator()(const training_span_key&) const {
    return "a number of samples, or of epochs as in \"3 epochs\"";
  }
  std::string operator()(const codec_key& key) const {
    const bool all = key.sends == codec_key::values::all;
    std::string names;
    for (const auto& row : rows.codecs)
      if (!all || !row.selects)
        names += fmt::format("{}{}{}{}", names.empty() ? "" : ", ", row.name,
                             row.arguments.empty() ? "" : ":", row.arguments);
    return "one of " + names + (all ? "" : ", or two of them as in topk:0.01 | int8");
  }
  std::string operator()(const choice_key& key) const { return listed(words_of(key)); }
  std::string operator()(const only_text_key& key) const { return toml_text(key.only); }
  std::string operator()(const only_list_key& key) const {
    return fmt::format("[{}]", toml_text(key.only));
  }
  std::string operator()(const device_list_key&) const {
    return "a list of \"cpu\" and \"cuda:N\"";
  }
  template <class Key, class Value>
  std::string operator()(const override_key<Key, Value>& key) const {
    return (*this)(key.like) + ", or \"inherit\"";
  }
  std::string operator()(const rule_key& key) const { return std::string(key.expected); }
  std::string operator()(const rule_list_key& key) const { return std::string(key.expected); }
  std::string operator()(const switch_list_key&) const {
    return R"(a list of rules as in [{at = "epoch 1", to = "asp"}])";
  }
  std::string operator()(const duration_key& key) const {
    return fmt::format("a time from \"{}\" to \"{}\", with ms, s, m or h", written(key.low),
                       written(key.high));
  }
  std::string operator()(const fine_duration_key& key) const {
    return fmt::format("a time from \"{}\" to \"{}\", with us, ms or s", written(key.low),
                       written(key.high));
  }
  std::string operator()(const bit_rate_key&) const {
    return "\"none\" or bits a second as in \"100Mbit\", with kbit, Mbit or Gbit";
  }
  std::string operator()(const size_key&) const {
    return "\"none\" or a size as in \"256MB\" or \"4GiB\", with KB, MB, GB, KiB, MiB or GiB";
  }
  std::string operator()(const epochs_key&) const {
    return fmt::format("\"0.001 epochs\" to \"{} epochs\"", epochs_every_max);
  }
};

} // namespace

std::string read_value(const key_rule& rule, const toml::node& found, const value_context& context,
                       job& out) {
  reader read{found, context, out};
  if (std::visit(read, rule.kind)) return {};
  auto text = fmt::format("{} = {}", rule.key, describe(found));
  if (!read.reason.empty()) return text + ": " + read.reason;
  text += ", expected " + expected_value(rule, context.rows);
  if (!rule.today.empty()) text += fmt::format(" ({})", rule.today);
  return text + read.hint;
}

std::string write_value(const key_rule& rule, const job& x) {
  auto copy = x; // the rules give access to jobs that may change
  return std::visit(writer{copy}, rule.kind);
}

std::string expected_value(const key_rule& rule, const catalog& rows) {
  return std::visit(describer{rows}, rule.kind);
}

} // namespace lagrange::runtime
