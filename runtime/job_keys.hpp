/// \file
/// The table behind a config: one row a key, each of a kind that knows how to read, write and
/// describe its value. The rows stand in job_keys.cpp, the kinds' work in job_values.cpp.
#pragma once

#include "runtime/job.hpp"

#include <filesystem>
#include <toml++/toml.h>
#include <variant>

namespace lagrange::runtime {

/// A whole number from low to high.
template <class Rep>
struct whole_key {
  Rep& (*at)(job&);
  std::uint64_t low, high;
};
/// A number for which `holds` is true; `expected` says the same in words.
struct real_key {
  float& (*at)(job&);
  bool (*holds)(float);
  std::string_view expected;
};
/// An accuracy above 0, or "none".
struct target_key {
  std::optional<double>& (*at)(job&);
};
/// Letters, digits, '-', '_' and '.', so that it can name a folder.
struct plain_name_key {
  std::string& (*at)(job&);
};
/// A path; `relative_to_file` ones are made absolute from the config's folder.
struct path_key {
  std::string& (*at)(job&);
  bool relative_to_file;
};
/// The path of a file, or "none", which is the empty path; made absolute from the config's folder.
struct file_key {
  std::string& (*at)(job&);
};
struct flag_key {
  bool& (*at)(job&);
};
/// The name of a row of one of the catalog's tables, which `lagrange list TABLE` prints.
struct row_name_key {
  std::string& (*at)(job&);
  std::vector<std::string_view> (*names)(const catalog&);
  std::string_view table;
};
/// A row of a table with its arguments, as in "ssp:3".
struct spec_key {
  std::string& (*at)(job&);
  /// What is wrong with the text; empty if nothing is.
  std::string (*defect)(const catalog& rows, std::string_view text);
  /// The rows, as in "one of bsp, ssp:BOUND".
  std::string (*expected)(const catalog& rows);
};
/// A codec with its stages and arguments.
struct codec_key {
  std::string& (*at)(job&);
  /// Whether a codec may leave values out: parameters that are not sent would be missing.
  enum class values : std::uint8_t { some = 0, all } sends;
};
/// A length of training: a number of samples, or one of epochs as in "3 epochs".
struct training_span_key {
  training_span& (*at)(job&);
};
/// One of a few words.
struct choice_key {
  std::string& (*at)(job&);
  std::array<std::string_view, 4> words; ///< empty ones do not count
};
/// The one text that is possible today.
struct only_text_key {
  std::string& (*at)(job&);
  std::string_view only;
};
/// The one list of one text that is possible today.
struct only_list_key {
  std::vector<std::string>& (*at)(job&);
  std::string_view only;
};
/// What there is to compute on, as in ["cpu", "cuda:0"].
struct device_list_key {
  std::vector<std::string>& (*at)(job&);
};
/// A time as in "100ms", "60s", "5m", "2h".
struct duration_key {
  std::chrono::milliseconds& (*at)(job&);
  std::chrono::milliseconds low, high;
};
/// A key of one role's own, or "inherit": as `like` says for all.
template <class Key, class Value>
struct override_key {
  std::optional<Value>& (*at)(job&);
  Key like;
};
/// A time as in "250us", "10ms", "2s".
struct fine_duration_key {
  std::chrono::microseconds& (*at)(job&);
  std::chrono::microseconds low, high;
};
/// Bits a second as in "100Mbit", or "none", which is 0.
struct bit_rate_key {
  std::uint64_t& (*at)(job&);
};
/// A size in bytes as in "256MB", or "none", which is 0.
struct size_key {
  std::uint64_t& (*at)(job&);
};
/// A number of epochs as in "1 epoch" or "0.1 epochs", in thousandths of one.
struct epochs_key {
  std::uint64_t& (*at)(job&);
};

/// Text for which `problem` is empty.
struct rule_key {
  std::string& (*at)(job&);
  std::string (*problem)(std::string_view);
  std::string_view expected;
};
/// A list of such texts; a text alone is a list of one.
struct rule_list_key {
  std::vector<std::string>& (*at)(job&);
  std::string (*problem)(std::string_view);
  std::string_view expected;
};

/// Rules by which the policy is switched, as in [{at = "epoch 1", to = "asp"}].
struct switch_list_key {
  std::vector<switch_rule>& (*at)(job&);
};

using key_kind =
    std::variant<whole_key<std::uint32_t>, whole_key<std::uint64_t>, real_key, target_key,
                 plain_name_key, path_key, file_key, flag_key, row_name_key, spec_key, codec_key,
                 choice_key, only_text_key, only_list_key, duration_key, epochs_key,
                 training_span_key, device_list_key, size_key, rule_key, rule_list_key,
                 fine_duration_key, bit_rate_key, switch_list_key,
                 override_key<whole_key<std::uint32_t>, std::uint32_t>,
                 override_key<duration_key, std::chrono::milliseconds>>;

/// One key. `today` says why so few values are possible; empty for most.
struct key_rule {
  std::string_view key;
  std::string_view help;
  key_kind kind;
  std::string_view today = {};
};

/// The table, in the order of to_toml.
std::span<const key_rule> key_rules();

/// What a value is read with: the folder that relative paths start at, and the tables.
struct value_context {
  std::filesystem::path folder;
  const catalog& rows;
};

/// Reads `found` into `out`. What is wrong with it, as a person reads it after the key's name;
/// empty if nothing is.
std::string read_value(const key_rule& rule, const toml::node& found, const value_context& context,
                       job& out);
/// The value as TOML.
std::string write_value(const key_rule& rule, const job& x);
/// What the key takes, as in "a whole number from 1 to 16".
std::string expected_value(const key_rule& rule, const catalog& rows);
/// A value that was found, for an error: as TOML if short, else what it is.
std::string describe(const toml::node& found);
/// Texts as a TOML list.
std::string toml_list(const std::vector<std::string>& texts);
/// Text as a TOML string.
std::string toml_text(std::string_view text);

} // namespace lagrange::runtime
