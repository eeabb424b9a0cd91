// Sparse rows in LIBSVM's format.
#include "tests/support/data_folder.hpp"
#include "tests/support/data_laws.hpp"
#include "tests/support/idx_bytes.hpp"
#include "tests/support/temporary_folder.hpp"

#include <bit>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;
using Catch::Contains;

namespace {

std::int32_t bits(float x) { return std::bit_cast<std::int32_t>(x); }

/// A folder "few" with few and few.t, any of which a test may then replace.
struct rows_folder : temporary_folder {
  rows_folder() {
    std::filesystem::create_directory(path() / "few");
    write("few/few", "+1 1:0.5 3:-2\n-1 2:1e-3\n-1\n");
    write("few/few.t", "-1 3:4 5:6\n+1 1:1 2:2 3:3\n");
  }
  std::string folder() const { return (path() / "few").string(); }
  std::string with(const std::string& name, const std::string& content,
                   data_split split = data_split::train) const {
    write("few/" + name, content);
    return refusal("libsvm", folder(), split);
  }
};

} // namespace

TEST_CASE_METHOD(rows_folder, "libsvm: a row is its entries, padded to the longest",
                 "[runtime][data]") {
  check_both("libsvm", folder());
  const auto train = open("libsvm", folder());
  CHECK(train->size() == 3);
  CHECK(train->input() == ops::model_input{{3, 2}, 2, ops::sample_kind::sparse_rows, {3, 0}});
  const auto got = train->gather(std::vector<std::uint32_t>{2, 0, 1});
  CHECK(values(got.inputs) == std::vector<std::int32_t>{-1, 0, -1, 0, -1, 0, //
                                                        0, bits(0.5f), 2, bits(-2), -1, 0, 1,
                                                        bits(1e-3f), -1, 0, -1, 0});
  CHECK(values(got.labels) == std::vector<std::int32_t>{0, 1, 0});
}

TEST_CASE_METHOD(rows_folder,
                 "libsvm: a feature that nothing was learnt of is left out of the test",
                 "[runtime][data]") {
  const auto got = open("libsvm", folder(), data_split::test)->gather(in_order(2));
  CHECK(values(got.inputs) == std::vector<std::int32_t>{2, bits(4), -1, 0, -1, 0, //
                                                        0, bits(1), 1, bits(2), 2, bits(3)});
  CHECK(values(got.labels) == std::vector<std::int32_t>{0, 1});
}

TEST_CASE_METHOD(rows_folder, "libsvm: the path is the folder, the stem or the file, zipped or not",
                 "[runtime][data]") {
  const auto stem = folder() + "/few";
  for (const auto& path : {folder() + "/", stem}) CHECK(open("libsvm", path)->size() == 3);
  std::filesystem::remove(stem);
  write("few/few.gz", gzipped("+1 1:1\r\n-1 2:1 \r\n"));
  for (const auto& path : {folder(), stem, stem + ".gz"}) CHECK(open("libsvm", path)->size() == 2);
}

TEST_CASE_METHOD(rows_folder, "libsvm: labels may be numbered in a row", "[runtime][data]") {
  write("few/few", "2 1:1\n0 1:1\n1.0 1:2\n");
  write("few/few.t", "1 1:1\n");
  check_both("libsvm", folder());
  const auto train = open("libsvm", folder());
  CHECK(train->input().classes == 3);
  CHECK(values(train->gather(in_order(3)).labels) == std::vector<std::int32_t>{2, 0, 1});
}

TEST_CASE_METHOD(rows_folder, "libsvm: labels that are not of one kind are refused",
                 "[runtime][data]") {
  CHECK_THAT(with("few", "-1 1:1\n0 1:1\n"), Contains("line 2 has label 0, others -1"));
  CHECK_THAT(with("few", "0 1:1\n3 1:1\n1 1:1\n"),
             Contains("line 2 has label 3, but none has label 2"));
  write("few/few", "-1 1:1\n+1 1:1\n");
  CHECK_THAT(with("few.t", "-1 1:1\n2 1:1\n", data_split::test),
             Contains("few.t is damaged: line 2 has label 2, expected -1 or +1"));
  write("few/few", "0 1:1\n1 1:1\n");
  CHECK_THAT(with("few.t", "-1 1:1\n"), Contains("line 1 has label -1, expected 0 to 1"));
}

TEST_CASE_METHOD(rows_folder, "libsvm: a damaged line is refused with its number and its field",
                 "[runtime][data]") {
  for (const char* wrong : {"0:1", "1", "1:", ":1", "1:x", "1:nan", "1:inf", "1:1e99", "-1:2",
                            "268435457:1", "99999999999:1", "1:1:1", "qid:3", "1:2,2:3", "\x01"}) {
    CAPTURE(wrong);
    CHECK_THAT(with("few", std::string("+1 1:1\n-1 ") + wrong + "\n"),
               Contains("few is damaged at line 2: it holds \"") &&
                   Contains("expected INDEX:VALUE, as in 3:0.5"));
  }
  CHECK_THAT(with("few", "+1 3:1 3:1\n"), Contains("it holds \"3:1\""));
  CHECK_THAT(with("few", "+1 3:1 2:1\n"), Contains("it holds \"2:1\""));
  for (const char* wrong : {"x 1:1", "1:1", "", "0.5 1:1", "-2 1:1", "1e9 1:1", "nan 1:1"}) {
    CAPTURE(wrong);
    CHECK_THAT(with("few", std::string("+1 1:1\n") + wrong + "\n"),
               Contains("few is damaged at line 2: it starts with \"") &&
                   Contains("a whole number from -1 to 65535"));
  }
  CHECK_THAT(with("few", ""), Contains("few is empty"));
  CHECK_THAT(with("few", "+1\n-1\n"), Contains("has rows without features"));
}

TEST_CASE_METHOD(rows_folder, "libsvm: missing files are named", "[runtime][data]") {
  std::filesystem::remove(path() / "few" / "few.t");
  CHECK_THAT(refusal("libsvm", folder()),
             Contains("few/few.t is no file") && Contains("STEM.t to test with"));
  std::filesystem::remove(path() / "few" / "few");
  CHECK_THAT(refusal("libsvm", folder()), Contains("few/few is no file"));
  CHECK_THAT(refusal("libsvm", (path() / "none").string()), Contains("none is no file"));
}

TEST_CASE("real data: the census of a9a", "[runtime][data]") {
  const auto path = data_folder() / "a9a";
  if (!std::filesystem::exists(path)) {
    WARN("SKIPPED: there is no " << path << "; set LAGRANGE_DATA");
    return;
  }
  check_both("libsvm", path);
  const auto train = open("libsvm", path);
  CHECK(train->size() == 32'561);
  CHECK(train->input() == ops::model_input{{14, 2}, 2, ops::sample_kind::sparse_rows, {123, 0}});
  CHECK(open("libsvm", path, data_split::test)->size() == 16'281);
}
