#include "runtime/data/idx_file.hpp"
#include "runtime/data/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

namespace lagrange::runtime {

namespace {

// Samples are numbered by 32 bits, and a pixel count must fit into memory beside others.
constexpr std::uint32_t side_pixels_max = 1u << 14;

class idx_dataset final : public dataset {
public:
  idx_dataset(idx_file images, idx_file labels, std::int64_t classes, std::uint32_t pad)
      : images_(std::move(images)), labels_(std::move(labels)), classes_(classes), pad_(pad) {}

  std::size_t size() const override { return images_.extents[0]; }
  ops::model_input input() const override {
    return {{images_.extents[1] + 2 * pad_, images_.extents[2] + 2 * pad_, 1}, classes_};
  }

  batch gather(std::span<const std::uint32_t> samples) const override {
    expect_samples(samples, size());
    const auto each = input().extents;
    const auto rows = static_cast<std::int64_t>(samples.size());
    // Pixels in [-1, 1]: centred inputs train faster than [0, 1], and unlike a data set's own mean
    // and deviation this needs no other file to treat both splits alike.
    batch out{.inputs = ops::tensor(ops::dtype::u8, {rows, each[0], each[1], 1}),
              .labels = ops::tensor(ops::dtype::i32, {rows}),
              .scale = 1 / 127.5f,
              .shift = -1};
    const auto pixels = static_cast<std::size_t>(each.elements());
    auto to = out.inputs.values<std::uint8_t>().data();
    auto labels = out.labels.values<std::int32_t>();
    for (std::size_t i = 0; i < samples.size(); ++i, to += pixels) {
      copy_image(samples[i], {to, pixels});
      labels[i] = labels_.elements[samples[i]];
    }
    return out;
  }

private:
  void copy_image(std::size_t sample, std::span<std::uint8_t> to) const {
    const std::size_t height = images_.extents[1], width = images_.extents[2];
    const auto* from = images_.elements.data() + sample * height * width;
    if (pad_ == 0) {
      std::memcpy(to.data(), from, to.size());
      return;
    }
    std::ranges::fill(to, std::uint8_t{0});
    for (std::size_t y = 0; y < height; ++y)
      std::memcpy(to.data() + (y + pad_) * (width + 2 * pad_) + pad_, from + y * width, width);
  }

  idx_file images_;
  idx_file labels_;
  std::int64_t classes_;
  std::uint32_t pad_; ///< pixels
};

/// The file as it is named in the wild: with a dash or a dot before "idx", zipped or not.
result<std::string> find_file(const std::string& folder, std::string_view stem,
                              std::string_view kind) {
  std::error_code ignored; // a folder that may not be looked into has no files for us
  for (std::string_view join : {"-", "."})
    for (std::string_view ending : {".gz", ""}) {
      const auto path =
          std::filesystem::path(folder) / fmt::format("{}{}{}{}", stem, join, kind, ending);
      if (std::filesystem::exists(path, ignored)) return path.string();
    }
  return failure(
      errc::bad_file,
      fmt::format("{} has no file {}-{}.gz (nor without .gz, nor {}.{}); expected the four "
                  "IDX files of a data set of MNIST's kind: check data.path, or install "
                  "Debian's dataset-fashion-mnist",
                  folder, stem, kind, stem, kind));
}

result<idx_file> read_labels(const std::string& folder, std::string_view stem, std::string* path) {
  BOOST_OUTCOME_TRY(found, find_file(folder, stem, "idx1-ubyte"));
  *path = found;
  return read_idx_file(found, 1);
}

/// One more than the largest label. A label above a gap is damage: classes are numbered in a row,
/// from 0 or, as in EMNIST's letters, from 1.
result<std::int64_t> count_classes(const idx_file& labels, const std::string& path) {
  std::array<bool, 256> occurs{};
  for (auto label : labels.elements) occurs[label] = true;
  const auto largest = *std::ranges::max_element(labels.elements);
  for (int label = 1; label < largest; ++label)
    if (!occurs[static_cast<std::size_t>(label)])
      return failure(
          errc::bad_file,
          fmt::format("{} is damaged: label {} out of range, sample {} has it but none has "
                      "label {}; expected labels numbered in a row: check the file",
                      path, largest,
                      std::ranges::find(labels.elements, largest) - labels.elements.begin(),
                      label));
  return std::max<std::int64_t>(2, largest + 1);
}

result<void> check_labels(const idx_file& labels, const std::string& path, std::int64_t classes) {
  const auto above = std::ranges::find_if(labels.elements, [&](auto x) { return x >= classes; });
  if (above != labels.elements.end())
    return failure(
        errc::bad_file,
        fmt::format("{} is damaged: label {} out of range at sample {}, expected 0 to {}, "
                    "the labels of the train split; check that both are of one data set",
                    path, *above, above - labels.elements.begin(), classes - 1));
  return success();
}

} // namespace

result<std::unique_ptr<dataset>> open_idx(const std::string& folder, data_split split,
                                          const data_options& options) {
  std::error_code problem;
  if (!std::filesystem::is_directory(folder, problem))
    return failure(
        errc::bad_file,
        fmt::format("{} is no folder{}; expected one with the four IDX files of a data set "
                    "of MNIST's kind: check data.path, or install Debian's "
                    "dataset-fashion-mnist",
                    folder, problem ? " (" + problem.message() + ")" : ""));
  const std::string_view stem = split == data_split::train ? "train" : "t10k";
  BOOST_OUTCOME_TRY(images_path, find_file(folder, fmt::format("{}-images", stem), "idx3-ubyte"));
  std::string labels_path;
  std::string train_path;
  BOOST_OUTCOME_TRY(labels, read_labels(folder, fmt::format("{}-labels", stem), &labels_path));
  BOOST_OUTCOME_TRY(train_labels, read_labels(folder, "train-labels", &train_path));
  BOOST_OUTCOME_TRY(classes, count_classes(train_labels, train_path));
  BOOST_OUTCOME_TRYV(check_labels(labels, labels_path, classes));

  BOOST_OUTCOME_TRY(images, read_idx_file(images_path, 3));
  if (images.extents[0] != labels.extents[0])
    return failure(errc::bad_file,
                   fmt::format("{} has {} images, but {} has {} labels; expected as many: "
                               "check that both are of one data set",
                               images_path, images.extents[0], labels_path, labels.extents[0]));
  if (std::max(images.extents[1], images.extents[2]) > side_pixels_max)
    return failure(
        errc::bad_file,
        fmt::format("{} holds images of {} x {} pixels, expected at most {} a side: check "
                    "the file",
                    images_path, images.extents[1], images.extents[2], side_pixels_max));
  return std::make_unique<idx_dataset>(std::move(images), std::move(labels), classes, options.pad);
}

} // namespace lagrange::runtime
