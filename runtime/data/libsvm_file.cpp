#include "runtime/data/libsvm_file.hpp"

#include "runtime/data/byte_source.hpp"
#include "runtime/data/lines.hpp"

#include <cmath>

namespace lagrange::runtime {

namespace {

constexpr std::size_t bytes_max = std::size_t{1} << 34;
// A model has a number for each feature: 1 GiB of them.
constexpr std::int32_t features_max = 1 << 28;
constexpr std::int32_t label_max = 65'535;

constexpr auto expected_label = "a label that is a whole number from -1 to 65535";
constexpr auto expected_entry = "INDEX:VALUE, as in 3:0.5, indices ascending from 1 to 268435456";

/// +1, 1 and 1.0 are the same label.
std::optional<std::int32_t> parse_label(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto label = parse_number<double>(text);
  if (!label || !(*label >= -1 && *label <= label_max) || std::trunc(*label) != *label)
    return std::nullopt;
  return static_cast<std::int32_t>(*label);
}

/// The entry that follows one of feature `before`, counted from 0.
std::optional<sparse_entry> parse_entry(std::string_view field, std::int32_t before) {
  const auto index = parse_number<std::int32_t>(take_field(field, ':'));
  if (field.starts_with('+')) field.remove_prefix(1);
  const auto value = parse_number<float>(field);
  if (!index || *index < 1 || *index > features_max || *index - 1 <= before || !value ||
      !std::isfinite(*value))
    return std::nullopt;
  return sparse_entry{*index - 1, *value};
}

result<void> read_row(const line_reader& lines, libsvm_file& out) {
  auto rest = lines.line();
  const auto first = take_field(rest, ' ');
  const auto label = parse_label(first);
  if (!label) return lines.damaged("it starts with " + shown(first), expected_label);
  out.labels.push_back(*label);
  std::int32_t before = -1;
  while (!rest.empty()) {
    const auto field = take_field(rest, ' ');
    if (field.empty()) continue; // blanks may stand at the end, or in a row
    const auto entry = parse_entry(field, before);
    if (!entry) return lines.damaged("it holds " + shown(field), expected_entry);
    before = entry->feature;
    out.features = std::max<std::int64_t>(out.features, before + 1);
    if (entry->value != 0) out.entries.push_back(*entry);
  }
  out.ends.push_back(out.entries.size());
  return success();
}

} // namespace

result<libsvm_file> read_libsvm_file(const std::string& path) {
  BOOST_OUTCOME_TRY(text, read_data_file(path, bytes_max));
  libsvm_file out;
  out.path = path;
  line_reader lines(path, text);
  while (lines.next()) {
    BOOST_OUTCOME_TRYV(read_row(lines, out));
  }
  if (out.rows() == 0)
    return failure(errc::bad_file, path + " is empty, expected rows of LABEL INDEX:VALUE ...; copy "
                                          "or download it again");
  return out;
}

} // namespace lagrange::runtime
