// Reads the tree and keeps its rules. What each rule says is in tests/tidy/rules.hpp.
#include "runtime/catalog.hpp"
#include "tests/tidy/rules.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace lagrange::tidy {

namespace {

namespace fs = std::filesystem;

// The invariants of the design. Whoever builds one takes its reason away, and the check then wants
// a test that is named after it.
constexpr invariant invariants[] = {
    {"CL-1", ""},
    {"CL-2", ""},
    {"SH-1", ""},
    {"SH-2", ""},
    {"LE-1", ""},
    {"RE-1", ""},
    {"EN-1", ""},
    {"BP-1", ""},
    {"DU-1", ""}, // of it what checkpoints promise: there are no replicas yet
    {"CO-1", ""},
};

// Folders that are no part of the tree: git's, and those that .gitignore names from the root.
bool is_foreign(const fs::path& root, const fs::path& folder) {
  const auto name = folder.filename().string();
  if (folder.parent_path() == root && name.starts_with(".") && name != ".ci") return true;
  if (fs::exists(folder / "CMakeCache.txt") || fs::exists(folder / "release" / "CMakeCache.txt"))
    return true; // a build folder of another name
  std::ifstream ignored(root / ".gitignore");
  for (std::string line; std::getline(ignored, line);)
    if (folder.parent_path() == root && line == "/" + name + "/") return true;
  return false;
}

std::vector<std::string> paths_of_tree() {
  const fs::path root = LAGRANGE_SOURCE;
  std::vector<std::string> paths;
  for (fs::recursive_directory_iterator at(root), end; at != end; ++at) {
    if (at->is_directory() && is_foreign(root, at->path()))
      at.disable_recursion_pending();
    else if (at->is_regular_file())
      paths.push_back(fs::relative(at->path(), root).string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_text(const std::string& path) {
  const auto extension = fs::path(path).extension().string();
  constexpr std::string_view kinds[] = {".hpp",   ".cpp",  ".cu",    ".cuh", ".md", ".txt", ".toml",
                                        ".capnp", ".json", ".cmake", ".py",  ".sh", ""};
  return std::find(std::begin(kinds), std::end(kinds), extension) != std::end(kinds);
}

const std::vector<source>& tree() {
  static const auto files = [] {
    std::vector<source> read;
    for (const auto& path : paths_of_tree()) {
      if (!is_text(path)) continue;
      std::ifstream file(fs::path(LAGRANGE_SOURCE) / path, std::ios::binary);
      read.push_back(read_source(path, {std::istreambuf_iterator<char>(file), {}}));
    }
    return read;
  }();
  return files;
}

void expect_none(const findings& found) {
  for (const auto& each : found) FAIL_CHECK(each);
}

void expect_none(findings (*rule)(const source&)) {
  for (const auto& file : tree()) expect_none(rule(file));
}

template <class Rows>
void expect_documented(std::string_view table, const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  REQUIRE_FALSE(names.empty());
  expect_none(check_documented(table, names, tree()));
}

} // namespace

TEST_CASE("the tree that is read is the project's", "[tidy]") {
  REQUIRE(tree().size() > 50);
  CHECK(std::any_of(tree().begin(), tree().end(),
                    [](const auto& file) { return file.path == "tests/tidy_test.cpp"; }));
}

TEST_CASE("includes point down the layers", "[tidy]") { expect_none(check_layers); }
TEST_CASE("L1: only actors, programs and tests know CAF", "[tidy]") { expect_none(check_caf); }
TEST_CASE("L2: only files about bytes know Cap'n Proto", "[tidy]") { expect_none(check_capnp); }
TEST_CASE("L3: only the CUDA backend knows CUDA", "[tidy]") { expect_none(check_cuda); }
TEST_CASE("L4: libraries have no state of their own", "[tidy]") { expect_none(check_globals); }
TEST_CASE("twins are pure, shells only speak, nobody sleeps", "[tidy]") {
  expect_none(check_purity);
}
TEST_CASE("files, functions and lines keep their sizes", "[tidy]") { expect_none(check_sizes); }
TEST_CASE("no name could mean anything", "[tidy]") { expect_none(check_names); }
TEST_CASE("a header says what it is", "[tidy]") { expect_none(check_header); }
TEST_CASE("nothing is left unfinished", "[tidy]") { expect_none(check_unfinished); }
TEST_CASE("names of tests are laws", "[tidy]") { expect_none(check_test_names); }
TEST_CASE("the folders at the top are fixed", "[tidy]") {
  expect_none(check_folders(paths_of_tree()));
}
TEST_CASE("every invariant that is built has a test of its name", "[tidy]") {
  expect_none(check_invariants(invariants, tree()));
}
TEST_CASE("every row of a table is documented", "[tidy]") {
  const auto rows = runtime::catalog::standard();
  expect_documented("models", rows.models);
  expect_documented("policies", rows.policies);
  expect_documented("optimizers", rows.optimizers);
  expect_documented("schedules", rows.schedules);
  expect_documented("codecs", rows.codecs);
  expect_documented("data formats", rows.data);
}

} // namespace lagrange::tidy
