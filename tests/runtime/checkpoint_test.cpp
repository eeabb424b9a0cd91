// Checkpoints and files: what was written is read back, and whatever is wrong with a file is said.
#include "runtime/checkpoint.hpp"
#include "runtime/digest.hpp"
#include "runtime/files.hpp"
#include "tests/support/frame_bytes.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wire_samples.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <random>
#include <sys/resource.h>

using namespace lagrange;
using namespace lagrange::runtime;
using namespace lagrange::tests;
using Catch::Contains;

namespace {

checkpoint sample_checkpoint() {
  return {.job = "fashion-lenet",
          .model = "lenet",
          .build = "b1d5",
          .seed = 7,
          .config = "seed = 7\n",
          .shards = {{{0}, {11}, 352}, {{1}, {12}, 384}},
          .parameters = {{"fc.weight", {3, 2}}, {"fc.bias", {2}}},
          .values = sample_f32(8)};
}

std::string refusal(std::span<const char> content) {
  const auto got = decode_checkpoint(content, "x.ckpt");
  if (got) return "accepted";
  CHECK(got.error().code == errc::bad_file);
  return got.error().text;
}

/// Makes the digest of a damaged checkpoint right again.
void redigest(std::vector<char>& content) {
  const auto hex = sha256_hex(std::as_bytes(std::span(content)).subspan(64));
  for (std::size_t i = 0; i < 32; ++i)
    content[24 + i] = static_cast<char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
}

std::string text_of(const std::filesystem::path& path) {
  const auto content = read_file(path, 1 << 20).value();
  return {content.begin(), content.end()};
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Of Checkpoint, Parameter and ShardState: a change of layout turns this red, and then
// checkpoint_version is to be raised.
constexpr const char* golden = "4c4752434b5054000100000000000000\n"
                               "90010000000000004383c2f2cef3637b\n"
                               "5bcf7bf51088e673711655a1b4aef02a\n"
                               "c60c24ed939c42b70000000000000000\n"
                               "01000000240000000400000000000000\n"
                               "00000000010007000700000000000000\n"
                               "19000000720000001d00000032000000\n"
                               "1d0000002a0000001d00000052000000\n"
                               "21000000370000003900000027000000\n"
                               "610000000e00000066617368696f6e2d\n"
                               "6c656e65740000006c656e6574000000\n"
                               "623164350000000073656564203d2037\n"
                               "0a000000000000000800000003000000\n"
                               "00000000000000000b00000000000000\n"
                               "60010000000000000100000000000000\n"
                               "0c000000000000008001000000000000\n"
                               "08000000000002000d00000052000000\n"
                               "11000000150000001500000042000000\n"
                               "150000000d00000066632e7765696768\n"
                               "74000000000000000300000000000000\n"
                               "020000000000000066632e6269617300\n"
                               "02000000000000001601000000000000\n"
                               "02000000010000000100000002010000\n"
                               "0000a0bf000080bf000040bf000000bf\n"
                               "000080be000000000000803e0000003f\n";

} // namespace

TEST_CASE("a checkpoint is read as it was written", "[runtime][checkpoint]") {
  const temporary_folder folder;
  const auto path = folder.path() / "a.ckpt";
  const auto written = sample_checkpoint();
  REQUIRE(write_checkpoint(path, written));
  const auto read = read_checkpoint(path).value();
  CHECK(read.job == written.job);
  CHECK(read.model == written.model);
  CHECK(read.build == written.build);
  CHECK(read.seed == written.seed);
  CHECK(read.config == written.config);
  CHECK(read.shards == written.shards);
  CHECK(read.parameters == written.parameters);
  CHECK(is_same(read.values, written.values));
}

TEST_CASE("a checkpoint larger than one piece of values is read as it was written",
          "[runtime][checkpoint]") {
  auto written = sample_checkpoint();
  constexpr std::int64_t elements = (std::int64_t{16} << 20) + 3; // a piece is 64 MiB
  written.parameters = {{"embedding", {elements}}};
  written.values = sample_f32(elements);
  const auto read = decode_checkpoint(encode(written), "large").value();
  CHECK(is_same(read.values, written.values));
}

TEST_CASE("a checkpoint of no parameters is one", "[runtime][checkpoint]") {
  checkpoint empty;
  empty.values = sample_f32(0);
  CHECK(decode_checkpoint(encode(empty), "empty").value().values.elements() == 0);
}

TEST_CASE("a checkpoint whose values do not fit its parameters is a bug of its writer",
          "[runtime][checkpoint]") {
  auto wrong = sample_checkpoint();
  wrong.values = sample_f32(7);
  CHECK_THROWS_AS(encode(wrong), ops::contract_error);
}

TEST_CASE("a checkpoint has the bytes of format version 1", "[runtime][checkpoint]") {
  CHECK(checkpoint_version == 1);
  CHECK(to_hex(encode(sample_checkpoint())) == golden);
}

TEST_CASE("a checkpoint cut off anywhere is refused", "[runtime][checkpoint]") {
  const auto content = encode(sample_checkpoint());
  for (std::size_t length = 0; length < content.size(); ++length) {
    INFO("cut to " << length << " bytes");
    REQUIRE(refusal(std::span(content).first(length)) != "accepted");
  }
  CHECK_THAT(refusal(std::span(content).first(100)),
             Contains("x.ckpt is damaged: its header says"));
}

TEST_CASE("a checkpoint with any one bit flipped is refused", "[runtime][checkpoint]") {
  const auto content = encode(sample_checkpoint());
  for (std::size_t bit = 0; bit < content.size() * 8; ++bit) {
    auto damaged = content;
    flip(damaged, bit);
    INFO("bit " << bit);
    REQUIRE(refusal(damaged) != "accepted");
  }
}

TEST_CASE("any one bit flipped behind a right digest crashes nothing", "[runtime][checkpoint]") {
  const auto content = encode(sample_checkpoint());
  std::size_t accepted = 0, refused = 0;
  for (std::size_t bit = 64 * 8; bit < content.size() * 8; ++bit) {
    auto damaged = content;
    flip(damaged, bit);
    redigest(damaged);
    INFO("bit " << bit);
    const auto got = decode_checkpoint(damaged, "x.ckpt");
    if (got) encode(got.value()); // what is accepted is whole
    ++(got ? accepted : refused);
  }
  CHECK(accepted > 100);
  CHECK(refused > 100);
}

TEST_CASE("values that do not fit the parameters are refused behind a right digest",
          "[runtime][checkpoint]") {
  const auto content = encode(sample_checkpoint());
  const std::string_view extents("\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16); // of fc.weight
  const auto at = std::string_view(content.data(), content.size()).find(extents);
  REQUIRE(at != std::string_view::npos);
  auto damaged = content;
  damaged[at] = 2;
  redigest(damaged);
  CHECK_THAT(refusal(damaged), Contains("parameters need 24 bytes of values, but it has 32"));
  damaged[at] = 4;
  redigest(damaged);
  CHECK_THAT(refusal(damaged), Contains("parameters need 40 bytes of values, but it has 32"));
  damaged[at + 7] = 127;
  redigest(damaged);
  CHECK_THAT(refusal(damaged), Contains("parameter fc.weight has extent"));
}

TEST_CASE("what is wrong with a checkpoint is said", "[runtime][checkpoint]") {
  const temporary_folder folder;
  CHECK_THAT(read_checkpoint(folder.path() / "none").error().text,
             Contains("none: No such file or directory"));
  CHECK_THAT(read_checkpoint(folder.path()).error().text, Contains("is no regular file"));
  CHECK_THAT(refusal(std::vector<char>(500, 'x')), Contains("x.ckpt is no checkpoint"));
  auto content = encode(sample_checkpoint());
  content[8] = 3;
  CHECK_THAT(refusal(content), Contains("format version 3, this program reads version 1"));
  content = encode(sample_checkpoint());
  content.back() = static_cast<char>(content.back() ^ 1);
  CHECK_THAT(refusal(content), Contains("SHA-256"));
}

TEST_CASE("a file is replaced as a whole", "[runtime][checkpoint]") {
  const temporary_folder folder;
  const auto path = folder.path() / "state";
  REQUIRE(write_atomically(path, bytes_of("old")));
  REQUIRE(write_atomically(path, bytes_of("newer")));
  CHECK(text_of(path) == "newer");
  folder.write(".state.partial", "left by a kill, and longer than what comes");
  REQUIRE(write_atomically(path, bytes_of("newest")));
  CHECK(text_of(path) == "newest");
  CHECK_FALSE(std::filesystem::exists(folder.path() / ".state.partial"));
}

TEST_CASE("a full disk leaves the old file and nothing else", "[runtime][checkpoint]") {
  const temporary_folder folder;
  const auto path = folder.path() / "state";
  REQUIRE(write_atomically(path, bytes_of("old")));
  // A limit on file sizes fails a write in the middle, as a full disk does.
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{1000, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto got = write_atomically(path, bytes_of(std::string(5000, 'n')));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, signal_before);

  REQUIRE_FALSE(got);
  CHECK_THAT(got.error().text, Contains("cannot write") && Contains("File too large"));
  CHECK(text_of(path) == "old");
  CHECK_FALSE(std::filesystem::exists(folder.path() / ".state.partial"));
}

TEST_CASE("a folder that cannot be written to is named", "[runtime][checkpoint]") {
  const temporary_folder folder;
  const auto got = write_atomically(folder.path() / "absent" / "state", bytes_of("x"));
  CHECK(got.error().code == errc::bad_file);
  CHECK_THAT(got.error().text, Contains("absent/.state.partial: No such file or directory"));
  std::filesystem::create_directory(folder.path() / "taken");
  CHECK_THAT(write_atomically(folder.path() / "taken", bytes_of("x")).error().text,
             Contains("cannot replace") && Contains("Is a directory"));
}

TEST_CASE("a file over the limit is not read", "[runtime][checkpoint]") {
  const temporary_folder folder;
  const auto path = folder.write("large", std::string(100, 'x'));
  CHECK(read_file(path, 100).value().size() == 100);
  CHECK_THAT(read_file(path, 99).error().text, Contains("has 100 bytes, expected at most 99"));
}

TEST_CASE("SHA-256 is that of the standard", "[runtime][checkpoint]") {
  CHECK(sha256_hex(bytes_of("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
