// Journals as files: what was written is read back, a cut tail is left out and said, and whatever
// else is wrong with a file is refused.
#include "runtime/files.hpp"
#include "runtime/journal_file.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <csignal>
#include <sys/resource.h>

using namespace lagrange;
using namespace lagrange::runtime;
using Catch::Contains;

namespace {

constexpr std::size_t head_bytes = 512, record_bytes = 64;

journal_header sample_head() {
  journal_header made{.shard = {1},
                      .life = {1},
                      .term = {1},
                      .threads = 2,
                      .job = {77},
                      .seed = 5,
                      .job_text = {},
                      .build = "b1d5",
                      .instruction_set = "avx2; oneDNN avx2",
                      .libraries = "oneDNN 2.7.3",
                      .continues = {{3}, 41}};
  made.job_text.fill(std::byte{0xab});
  return made;
}

std::vector<journal_entry> sample_entries() {
  std::vector<journal_entry> made(4);
  made[0] = {.kind = journal_kind::served,
             .worker = {2},
             .life = {3},
             .clock = {4},
             .version = {5},
             .slowest = {6},
             .what = {},
             .attempt = {},
             .read = {}};
  made[1] = {.kind = journal_kind::applied,
             .worker = {2},
             .life = {3},
             .clock = {4},
             .version = {6},
             .slowest = {},
             .what = {7},
             .attempt = {8},
             .read = {5},
             .samples = 32,
             .clip_scale = 0.5F,
             .checksum = 0x12345678};
  made[2].kind = journal_kind::state;
  made[2].version = {6};
  made[2].digest.fill(std::byte{0xcd});
  made[3].kind = journal_kind::set_aside;
  made[3].version = {6};
  made[3].what = {9};
  made[3].attempt = {4};
  made[3].batches = 5;
  return made;
}

std::vector<char> content_of(const std::vector<journal_entry>& entries) {
  tests::temporary_folder folder;
  const auto path = folder.path() / "x.lgj";
  auto writer = journal_writer::create(path, sample_head());
  REQUIRE(writer);
  REQUIRE(writer.value().append(std::span(entries).first(1)));
  REQUIRE(writer.value().append(std::span(entries).subspan(1))); // in bursts, or one by one
  return read_file(path, 1 << 20).value();
}

std::string refusal(std::span<const char> content) {
  const auto got = decode_journal(content, "x.lgj");
  if (got) return "accepted";
  CHECK(got.error().code == errc::bad_file);
  return got.error().text;
}

std::string hex_of(std::span<const char> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    text += fmt::format("{:02x}{}", static_cast<unsigned char>(bytes[i]), i % 32 == 31 ? "\n" : "");
  return text;
}

// Of a record of each shape: a change of layout turns this red, and then journal_version is to be
// raised.
constexpr const char* golden = "0f1ed91300000000020000000300000005000000000000000400000000000000\n"
                               "0600000000000000000000000000000000000000000000000000000000000000\n"
                               "61e7fb3d01000000020000000300000006000000000000000400000000000000\n"
                               "0700000000000000050000000000000008000000200000000000003f78563412\n"
                               "7bd589990700000000000000000000000600000000000000cdcdcdcdcdcdcdcd\n"
                               "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0000000000000000\n"
                               "057a43be0a000000000000000000000006000000000000000000000000000000\n"
                               "0900000000000000000000000000000004000000050000000000803f00000000\n";

} // namespace

TEST_CASE("a journal reads back as it was written", "[runtime][journal]") {
  const auto found = decode_journal(content_of(sample_entries()), "x.lgj");
  REQUIRE(found);
  CHECK(found.value().head == sample_head());
  CHECK(found.value().entries == sample_entries());
  CHECK(found.value().torn_bytes == 0);
}

TEST_CASE("the layout of a journal is what it was", "[runtime][journal]") {
  const auto content = content_of(sample_entries());
  REQUIRE(content.size() == head_bytes + 4 * record_bytes);
  CHECK(hex_of(std::span(content).subspan(head_bytes)) == golden);
}

TEST_CASE("a journal cut anywhere in its records is read up to the cut", "[runtime][journal]") {
  const auto content = content_of(sample_entries());
  for (auto size = head_bytes; size < content.size(); ++size) {
    const auto found = decode_journal(std::span(content).first(size), "x.lgj");
    REQUIRE(found);
    CHECK(found.value().entries.size() == (size - head_bytes) / record_bytes);
    CHECK(found.value().torn_bytes == (size - head_bytes) % record_bytes);
  }
  for (std::size_t size = 0; size < head_bytes; ++size)
    CHECK_THAT(refusal(std::span(content).first(size)), Contains("no journal"));
}

TEST_CASE("no flipped bit of a journal goes unnoticed", "[runtime][journal]") {
  const auto content = content_of(sample_entries());
  for (std::size_t bit = 0; bit < content.size() * 8; ++bit) {
    auto damaged = content;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto found = decode_journal(damaged, "x.lgj");
    // The last record may have been cut off by a crash: it is left out, and said to be.
    const bool is_last = bit / 8 >= content.size() - record_bytes;
    REQUIRE(found.has_value() == is_last);
    if (is_last) CHECK(found.value().torn_bytes == record_bytes);
  }
}

TEST_CASE("records of a journal that are missing or change places are noticed",
          "[runtime][journal]") {
  auto entries = sample_entries();
  entries.push_back(entries[1]);
  entries.push_back(entries[0]);
  const auto content = content_of(entries);
  auto cut = content;
  cut.erase(cut.begin() + head_bytes + record_bytes, cut.begin() + head_bytes + 2 * record_bytes);
  CHECK_THAT(refusal(cut), Contains("record 1 fails its check"));
  auto swapped = content;
  std::swap_ranges(swapped.begin() + head_bytes, swapped.begin() + head_bytes + record_bytes,
                   swapped.begin() + head_bytes + record_bytes);
  CHECK_THAT(refusal(swapped), Contains("record 0 fails its check"));
}

TEST_CASE("a journal of another version is refused with both named", "[runtime][journal]") {
  auto content = content_of(sample_entries());
  content[8] = 9;
  CHECK_THAT(refusal(content), Contains("format version 9, expected 4"));
}

TEST_CASE("a journal is never written over", "[runtime][journal]") {
  tests::temporary_folder folder;
  const auto path = folder.path() / "x.lgj";
  REQUIRE(journal_writer::create(path, sample_head()));
  const auto again = journal_writer::create(path, sample_head());
  REQUIRE_FALSE(again);
  CHECK_THAT(again.error().text, Contains("File exists"));
}

TEST_CASE("a journal whose disk is full says so, and holds whole records only",
          "[runtime][journal]") {
  tests::temporary_folder folder;
  const auto path = folder.path() / "x.lgj";
  auto writer = journal_writer::create(path, sample_head());
  REQUIRE(writer);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{head_bytes + record_bytes + record_bytes / 2, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto entries = sample_entries();
  const auto first = writer.value().append(std::span(entries).first(1));
  const auto second = writer.value().append(std::span(entries).subspan(1));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  CHECK(first);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().text, Contains("cannot write its journal") && Contains("free some"));
  const auto found = read_journal(path);
  REQUIRE(found);
  CHECK(found.value().entries.size() == 1);
  CHECK(found.value().torn_bytes == 0);
}

TEST_CASE("what bits depend on is compared with the program that replays", "[runtime][journal]") {
  auto here = sample_head();
  CHECK(differences(sample_head(), here).empty());
  here.libraries = "oneDNN 9";
  here.build = "other";
  const auto found = differences(sample_head(), here);
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "the run had the program b1d5, here it is other");
}

TEST_CASE("devices that a head has no room for are compared as far as it has",
          "[runtime][journal]") {
  auto here = sample_head();
  here.libraries = "oneDNN 2.7.3; " + std::string(200, 'x');
  auto written = here;
  written.libraries.resize(128); // of a file
  CHECK(differences(written, here).empty());
  here.libraries[100] = 'y';
  CHECK(differences(written, here).size() == 1);
}
