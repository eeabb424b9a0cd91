// A data set that is missing or damaged is refused: the file named, what was found, what to do.
#include "runtime/data/dataset.hpp"
#include "tests/support/data_laws.hpp"
#include "tests/support/idx_bytes.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/resource.h>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;
using Catch::Contains;

namespace {

/// A folder with four good files, four samples each, any of which a test may then replace.
struct idx_folder : temporary_folder {
  static constexpr const char* images = "train-images-idx3-ubyte";
  static constexpr const char* labels = "train-labels-idx1-ubyte";
  static constexpr const char* test_labels = "t10k-labels-idx1-ubyte";

  idx_folder() {
    for (const std::string stem : {"train", "t10k"}) {
      write(stem + "-images-idx3-ubyte", good_images());
      write(stem + "-labels-idx1-ubyte", idx_bytes(0x801, {4}, {0, 1, 2, 1}));
    }
  }
  static std::string good_images() { return idx_bytes(0x803, {4, 2, 2}, std::string(16, 'p')); }
  std::string with(const std::string& name, const std::string& content,
                   data_split split = data_split::train) const {
    write(name, content);
    return refusal("idx", path().string(), split);
  }
};

} // namespace

TEST_CASE_METHOD(idx_folder, "the files that are damaged below are good before",
                 "[runtime][data]") {
  CHECK(refusal("idx", path().string()) == "accepted");
  CHECK(refusal("idx", path().string(), data_split::test) == "accepted");
}

TEST_CASE_METHOD(idx_folder, "a missing folder or file is named", "[runtime][data]") {
  CHECK_THAT(refusal("idx", (path() / "absent").string()),
             Contains("absent is no folder") && Contains("check data.path"));
  CHECK_THAT(refusal("idx", (path() / images).string()), Contains("is no folder"));
  std::filesystem::remove(path() / "t10k-images-idx3-ubyte");
  CHECK_THAT(refusal("idx", path().string(), data_split::test),
             Contains("has no file t10k-images-idx3-ubyte.gz") &&
                 Contains("dataset-fashion-mnist"));
  std::filesystem::remove(path() / labels);
  CHECK_THAT(refusal("idx", path().string()), Contains("has no file train-labels-idx1-ubyte.gz"));
  std::filesystem::create_directory(path() / labels);
  CHECK_THAT(refusal("idx", path().string()), Contains("train-labels-idx1-ubyte"));
}

TEST_CASE_METHOD(idx_folder, "a wrong magic number is shown beside the right one",
                 "[runtime][data]") {
  CHECK_THAT(with(images, idx_bytes(0x801, {4, 2, 2}, std::string(16, 'p'))),
             Contains("train-images-idx3-ubyte is damaged") &&
                 Contains("magic number 0x00000801, expected 0x00000803"));
  write(images, good_images());
  CHECK_THAT(with(labels, "<html>not found</html>"), Contains("0x3c68746d, expected 0x00000801"));
}

TEST_CASE_METHOD(idx_folder, "a file cut off anywhere is refused", "[runtime][data]") {
  const auto whole = good_images();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO("cut to " << length << " of " << whole.size() << " bytes");
    REQUIRE_THAT(with(images, whole.substr(0, length)), Contains("train-images-idx3-ubyte is"));
  }
  CHECK_THAT(with(images, whole.substr(0, 20)),
             Contains("its header says 4 x 2 x 2 = 16 bytes, but only 4 follow"));
  CHECK_THAT(with(images, ""), Contains("it ends after 0 bytes, expected an IDX header of 16"));
}

TEST_CASE_METHOD(idx_folder, "a gzip stream cut off or damaged anywhere is refused",
                 "[runtime][data]") {
  std::filesystem::remove(path() / images);
  const std::string name = std::string(images) + ".gz";
  const auto whole = gzipped(good_images());
  REQUIRE(with(name, whole) == "accepted");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    INFO("cut to " << length << " of " << whole.size() << " bytes");
    REQUIRE_THAT(with(name, whole.substr(0, length)), Contains("idx3-ubyte.gz is damaged"));
  }
  for (std::size_t at = 10; at < whole.size();
       ++at) { // behind gzip's own header of names and times
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    INFO("byte " << at);
    REQUIRE_THAT(with(name, damaged), Contains("idx3-ubyte.gz is damaged"));
  }
}

TEST_CASE_METHOD(idx_folder, "a file with more than its header says is refused",
                 "[runtime][data]") {
  CHECK_THAT(with(images, good_images() + "x"), Contains("= 16 bytes, but more follow"));
}

TEST_CASE_METHOD(idx_folder, "different numbers of images and labels are both named",
                 "[runtime][data]") {
  CHECK_THAT(with(labels, idx_bytes(0x801, {3}, {0, 1, 2})),
             Contains("has 4 images") && Contains("has 3 labels"));
}

TEST_CASE_METHOD(idx_folder, "a label out of range is named with its sample", "[runtime][data]") {
  CHECK_THAT(with(labels, idx_bytes(0x801, {4}, {0, 1, 9, 1})),
             Contains("label 9 out of range") && Contains("sample 2"));
  CHECK_THAT(with(test_labels, idx_bytes(0x801, {4}, {0, 1, 2, 7}), data_split::test),
             Contains("train-labels"));
  write(labels, idx_bytes(0x801, {4}, {0, 1, 2, 1}));
  CHECK_THAT(with(test_labels, idx_bytes(0x801, {4}, {0, 1, 2, 7}), data_split::test),
             Contains("t10k-labels-idx1-ubyte is damaged: label 7 out of range at sample 3, "
                      "expected 0 to 2"));
}

TEST_CASE_METHOD(idx_folder, "no images, or images without a side, are refused",
                 "[runtime][data]") {
  CHECK_THAT(with(images, idx_bytes(0x803, {0, 2, 2}, "")),
             Contains("its header says extents 0, expected none of them 0"));
  CHECK_THAT(with(images, idx_bytes(0x803, {4, 2, 0}, "")), Contains("extents 4 x 2 x 0"));
  CHECK_THAT(with(images, idx_bytes(0x803, {1, 1, 40000}, std::string(40000, 'p'))),
             Contains("has 1 images"));
  write(labels, idx_bytes(0x801, {1}, std::string(1, '\0')));
  CHECK_THAT(refusal("idx", path().string()), Contains("1 x 40000 pixels, expected at most 16384"));
}

TEST_CASE_METHOD(idx_folder, "a size that is promised but not there is not allocated",
                 "[runtime][data]") {
  CHECK_THAT(with(images, idx_bytes(0x803, {~0u, ~0u, ~0u}, "x")),
             Contains("expected none of them 0 and at most 68719476736 elements"));
  // 64 GiB are promised. Under a limit of 8 GiB of addresses, asking for them would throw.
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
#if !defined(__SANITIZE_ADDRESS__) // which needs terabytes of addresses for itself
  const rlimit tight{rlim_t{8} << 30, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
#endif
  const auto text = with(images, idx_bytes(0x803, {1u << 22, 1u << 7, 1u << 7}, "x"));
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK_THAT(text, Contains("= 68719476736 bytes, but only 1 follow"));
}

TEST_CASE("a wrong description of blobs is refused with the right one", "[runtime][data]") {
  for (const char* wrong : {"", "blobs", "blobs:10:2", "blobs:10:2:2:2", "moons:10:2:2"})
    CHECK_THAT(refusal("synthetic", wrong), Contains("expected blobs:SAMPLES:FEATURES:CLASSES"));
  CHECK_THAT(refusal("synthetic", "blobs:10:0:2"), Contains("FEATURES is \"0\""));
  CHECK_THAT(refusal("synthetic", "blobs:10:2:1"), Contains("CLASSES is \"1\""));
  CHECK_THAT(refusal("synthetic", "blobs:3:2:4"), Contains("SAMPLES is \"3\""));
  CHECK_THAT(refusal("synthetic", "blobs:-5:2:4"), Contains("SAMPLES is \"-5\""));
  CHECK_THAT(refusal("synthetic", "blobs:99999999999:2:4"), Contains("SAMPLES"));
}
