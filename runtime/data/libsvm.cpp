#include "runtime/data/byte_source.hpp"
#include "runtime/data/libsvm_file.hpp"
#include "runtime/data/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <limits>

namespace lagrange::runtime {

namespace {

/// How the labels of a data set are written: -1 and +1, or numbered in a row.
struct label_rule {
  bool is_signed = false;
  std::int64_t classes = 2;
};

class sparse_rows final : public dataset {
public:
  sparse_rows(libsvm_file file, ops::model_input input, label_rule labels)
      : file_(std::move(file)), input_(input), labels_(labels) {}

  std::size_t size() const override { return file_.rows(); }
  ops::model_input input() const override { return input_; }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    const auto rows = static_cast<std::int64_t>(samples.size());
    batch out{.inputs = ops::tensor(ops::dtype::i32, {rows, input_.extents[0], 2}),
              .labels = ops::tensor(ops::dtype::i32, {rows})};
    auto to = out.inputs.values<std::int32_t>().data();
    auto label = out.labels.values<std::int32_t>().data();
    for (const auto sample : samples) {
      const auto end = to + 2 * input_.extents[0];
      for (const auto& [feature, value] : file_.row(sample)) {
        if (feature >= input_.fields[0]) break; // no weight was learnt for it or those behind it
        *to++ = feature;
        *to++ = std::bit_cast<std::int32_t>(value);
      }
      for (; to != end; *to++ = 0) *to++ = -1;
      const auto written = file_.labels[sample];
      *label++ = labels_.is_signed ? (written + 1) / 2 : written;
    }
    return out;
  }

private:
  libsvm_file file_;
  ops::model_input input_;
  label_rule labels_;
};

struct file_names {
  std::string train, test;
};

result<file_names> find_files(std::string path) {
  constexpr auto expected = "rows of LABEL INDEX:VALUE ... in a file STEM to train on and STEM.t "
                            "to test with, data.path being STEM or a folder of that name";
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.ends_with(".gz")) path.resize(path.size() - 3);
  std::error_code ignored; // what may not be looked at is no folder for us
  if (std::filesystem::is_directory(path, ignored))
    path += "/" + std::filesystem::path(path).filename().string();
  BOOST_OUTCOME_TRY(train, find_data_file(path, expected));
  BOOST_OUTCOME_TRY(test, find_data_file(path + ".t", expected));
  return file_names{std::move(train), std::move(test)};
}

/// The rule that all labels of the training file keep. A label above a gap is damage, as in idx.
result<label_rule> rule_of(const libsvm_file& train) {
  const auto refuse = [&](std::int32_t label, std::string_view missing) {
    const auto row = std::ranges::find(train.labels, label) - train.labels.begin();
    return failure(errc::bad_file,
                   fmt::format("{} is damaged: line {} has label {}, {}; expected labels -1 and "
                               "+1, or numbered in a row: check the file",
                               train.path, row + 1, label, missing));
  };
  const auto [low, high] = std::ranges::minmax(train.labels);
  std::vector<bool> occurs(static_cast<std::size_t>(high) + 2); // by label + 1
  for (const auto label : train.labels) occurs[static_cast<std::size_t>(label + 1)] = true;
  if (low < 0) {
    for (const auto label : train.labels)
      if (label != -1 && label != 1) return refuse(label, "others -1");
    return label_rule{true, 2};
  }
  for (std::int32_t label = 1; label < high; ++label)
    if (!occurs[static_cast<std::size_t>(label + 1)])
      return refuse(high, fmt::format("but none has label {}", label));
  return label_rule{false, std::max<std::int64_t>(2, high + 1)};
}

result<void> check_labels(const libsvm_file& file, label_rule rule) {
  const auto is_wrong = [&](std::int32_t label) {
    return rule.is_signed ? label != -1 && label != 1 : label < 0 || label >= rule.classes;
  };
  const auto wrong = std::ranges::find_if(file.labels, is_wrong);
  if (wrong == file.labels.end()) return success();
  return failure(
      errc::bad_file,
      fmt::format("{} is damaged: line {} has label {}, expected {}, the labels of the "
                  "training file; check that both are of one data set",
                  file.path, wrong - file.labels.begin() + 1, *wrong,
                  rule.is_signed ? "-1 or +1" : fmt::format("0 to {}", rule.classes - 1)));
}

/// Entries of the longest row, at least one.
std::int64_t longest_row(const libsvm_file& file) {
  std::size_t longest = 1;
  for (std::size_t row = 0; row < file.rows(); ++row)
    longest = std::max(longest, file.row(row).size());
  return static_cast<std::int64_t>(longest);
}

} // namespace

result<std::unique_ptr<dataset>> open_libsvm(const std::string& path, data_split split,
                                             const data_options&) {
  BOOST_OUTCOME_TRY(names, find_files(path));
  BOOST_OUTCOME_TRY(train, read_libsvm_file(names.train));
  BOOST_OUTCOME_TRY(test, read_libsvm_file(names.test));
  BOOST_OUTCOME_TRY(labels, rule_of(train));
  BOOST_OUTCOME_TRYV(check_labels(test, labels));
  if (train.features == 0)
    return failure(errc::bad_file, fmt::format("{} has rows without features, expected some with: "
                                               "check that it is the right file",
                                               train.path));
  auto& chosen = split == data_split::train ? train : test;
  if (chosen.rows() > std::numeric_limits<std::uint32_t>::max())
    return failure(errc::bad_file, fmt::format("{} has {} rows, expected less than 2^32: cut it "
                                               "into parts",
                                               chosen.path, chosen.rows()));
  const ops::model_input input{{std::max(longest_row(train), longest_row(test)), 2},
                               labels.classes,
                               ops::sample_kind::sparse_rows,
                               {train.features, 0}};
  return std::make_unique<sparse_rows>(std::move(chosen), input, labels);
}

} // namespace lagrange::runtime
