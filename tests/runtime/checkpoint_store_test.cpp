// Checkpoints on a disk that fails at every step: what was whole stays whole, and nothing is mixed.
#include "runtime/checkpoint_store.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/support/sample_states.hpp"
#include "tests/support/shard_states.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <sys/resource.h>

namespace lagrange::tests {

using namespace runtime;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

constexpr std::uint32_t shards = 2;
const std::filesystem::path run = "/run", folder = "/run/checkpoints";

struct cut_kind {
  std::uint32_t cut = 1;
  std::uint32_t base = 0; ///< of its shards' parts; 0: they are whole
};

shard_state state_of(std::uint32_t shard, cut_kind kind) {
  return kind.base > 0 ? sample_increment(shard, kind.cut, kind.base)
                       : sample_state(shard, kind.cut);
}

/// All that the actors of a job and its supervisor do for a cut.
result<void> write_cut(checkpoint_store& store, cut_kind kind) {
  cut_manifest made;
  made.build = "b1d5";
  made.job = {7};
  made.term = {1};
  made.cut = {kind.cut};
  made.time = std::chrono::sys_seconds(std::chrono::seconds(1000 * kind.cut));
  made.lives = {{{actor_role::worker, 2}, {3}}};
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    BOOST_OUTCOME_TRY(part, store.write(state_of(shard, kind)));
    made.parts.push_back(part);
  }
  BOOST_OUTCOME_TRY(part, store.write(sample_residual(2, kind.cut)));
  made.parts.push_back(part);
  return store.write(made);
}

/// Requires that the newest whole cut is one of these, as it was written, and gives its number.
std::uint32_t expect_whole(faulty_disk& disk, std::span<const cut_kind> any_of) {
  checkpoint_store store(disk, folder);
  const auto found = store.newest_whole().value();
  REQUIRE(found.newest);
  const auto& newest = *found.newest;
  const auto kind = std::ranges::find(any_of, newest.cut.value, &cut_kind::cut);
  REQUIRE(kind != any_of.end());
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    auto expected = state_of(shard, *kind);
    if (kind->base > 0)
      expected.tables[0].rows = {}, expected.base = {},
      expected.tables[0].values = sample_state().tables[0].values;
    const auto read = store.read(newest, shard_id{shard}).value();
    CHECK(is_same_bits(read.values, expected.values));
    CHECK(read.records == expected.records);
    CHECK(read.tables[0].values.elements() == 6);
  }
  CHECK(is_same_bits(store.read(newest, worker_id{2}).value().memory,
                     sample_residual(2, newest.cut.value).memory));
  return newest.cut.value;
}

struct written_cuts {
  faulty_disk disk;
  checkpoint_store store{disk, folder};
  explicit written_cuts(std::initializer_list<cut_kind> kinds) {
    REQUIRE(disk.make_folder(run));
    REQUIRE(disk.sync_folder("/"));
    for (const auto kind : kinds) REQUIRE(write_cut(store, kind));
  }
};

/// Where cut 1 is whole, `work` is killed at every step, in every way; then, `expect(disk)`.
template <class Work, class Expect>
void at_every_step(const Work& work, const Expect& expect) {
  const auto steps = [&] {
    written_cuts cuts({{1}});
    const auto before = cuts.disk.steps();
    REQUIRE(work(cuts.store));
    return cuts.disk.steps() - before;
  }();
  REQUIRE(steps > 20);
  for (std::uint64_t step = 1; step <= steps; ++step)
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
      INFO("step " << step << " of " << steps << ", seed " << seed);
      written_cuts cuts({{1}});
      cuts.disk.crash_at(step, seed);
      CHECK_FALSE(work(cuts.store));
      cuts.disk.come_back(seed < 2   ? faulty_disk::loss::nothing
                          : seed < 4 ? faulty_disk::loss::everything
                                     : faulty_disk::loss::drawn);
      expect(cuts.disk);
    }
}

std::string text_of(const std::vector<error>& all) {
  std::string text;
  for (const auto& each : all) text += each.text + "\n";
  return text;
}

} // namespace

TEST_CASE("killed or without power at any step of a cut, the old one or the new one is whole",
          "[runtime][checkpoint]") {
  const std::vector<cut_kind> both{{1}, {2}};
  std::set<std::uint32_t> seen;
  at_every_step([](checkpoint_store& store) { return write_cut(store, {2}); },
                [&](faulty_disk& disk) {
                  seen.insert(expect_whole(disk, both));
                  checkpoint_store store(disk, folder);
                  const auto next = store.next_number().value().value;
                  REQUIRE(write_cut(store, {next})); // and what is left is in nobody's way
                  const cut_kind third{next};
                  CHECK(expect_whole(disk, std::span(&third, 1)) == next);
                });
  CHECK(seen == std::set<std::uint32_t>{1, 2});
}

TEST_CASE("killed or without power at any step of removing old cuts, the newest is whole",
          "[runtime][checkpoint]") {
  const std::vector<cut_kind> any{{2}, {3, 2}};
  at_every_step(
      [](checkpoint_store& store) -> result<void> {
        BOOST_OUTCOME_TRY(write_cut(store, {2}));
        BOOST_OUTCOME_TRY(write_cut(store, {3, 2}));
        BOOST_OUTCOME_TRY(store.prune({1, 0ms}, {}));
        BOOST_OUTCOME_TRY(write_cut(store, {4}));
        BOOST_OUTCOME_TRY(store.prune({1, 0ms}, {}));
        return success();
      },
      [&](faulty_disk& disk) {
        const std::vector<cut_kind> all{{1}, {2}, {3, 2}, {4}};
        const auto newest = expect_whole(disk, all);
        checkpoint_store store(disk, folder);
        REQUIRE(store.prune({1, 0ms}, {}));
        CHECK(expect_whole(disk, all) == newest);
      });
}

TEST_CASE("a cut that was said to be whole survives a power cut that loses all it can",
          "[runtime][checkpoint]") {
  written_cuts cuts({{1}, {2}});
  REQUIRE(cuts.disk.sync_folder("/"));
  REQUIRE(cuts.store.prune({1, 0ms}, {}));
  cuts.disk.come_back(faulty_disk::loss::everything);
  const cut_kind second{2};
  CHECK(expect_whole(cuts.disk, std::span(&second, 1)) == 2);
}

TEST_CASE("on a full disk a cut fails with a reason and the one before stays whole",
          "[runtime][checkpoint]") {
  const auto full = [] {
    written_cuts cuts({{1}});
    const auto before = cuts.disk.files();
    cuts.disk.fill_up(1 << 20);
    REQUIRE(write_cut(cuts.store, {2}));
    std::uint64_t bytes = 0;
    const auto manifest = cuts.store.read_manifest({2}).value();
    for (const auto& each : manifest.parts) bytes += each.bytes;
    return bytes;
  }();
  for (std::uint64_t left = 0; left < full; left += 97) {
    INFO(left << " of " << full << " bytes are left");
    written_cuts cuts({{1}});
    cuts.disk.fill_up(left);
    const auto got = write_cut(cuts.store, {2});
    REQUIRE_FALSE(got);
    CHECK_THAT(got.error().text, Contains("No space left on device") && Contains("cut-000002"));
    for (const auto& file : cuts.disk.files()) CHECK_THAT(file, !Contains("partial"));
    const cut_kind first{1};
    CHECK(expect_whole(cuts.disk, std::span(&first, 1)) == 1);
    REQUIRE(cuts.store.remove({2})); // gives its space back
    CHECK(cuts.disk.files() == written_cuts({{1}}).disk.files());
  }
}

TEST_CASE("a damaged cut is passed over with a reason, and the newest whole one is taken",
          "[runtime][checkpoint]") {
  const auto found_after = [](auto damage, const std::string& reason) {
    written_cuts cuts({{1}, {2}, {3, 2}});
    damage(cuts.disk);
    const auto found = cuts.store.newest_whole().value();
    CHECK_THAT(text_of(found.passed_over), Contains(reason));
    return found.newest ? found.newest->cut.value : 0;
  };
  const auto in = [](std::string_view file) { return folder / file; };
  CHECK(found_after([](faulty_disk&) {}, "") == 3);
  CHECK(found_after([&](faulty_disk& x) { x.damage(in("cut-000003/shard-1.part"), 999); },
                    "checkpoint 3 is not whole: /run/checkpoints/cut-000003/shard-1.part is "
                    "damaged: its SHA-256") == 2);
  CHECK(found_after([&](faulty_disk& x) { x.cut_off(in("cut-000003/worker-2.part")); },
                    "worker-2.part has") == 2);
  CHECK(found_after([&](faulty_disk& x) { x.damage(in("cut-000003/manifest.json"), 400); },
                    "manifest.json is damaged") == 2);
  CHECK(found_after([&](faulty_disk& x) { CHECK(x.remove(in("cut-000003/shard-0.part"))); },
                    "cannot open /run/checkpoints/cut-000003/shard-0.part") == 2);
  // What cut 3 builds on is damaged, and so are both.
  CHECK(found_after([&](faulty_disk& x) { x.damage(in("cut-000002/shard-1.part"), 999); },
                    "checkpoint 3 is not whole: /run/checkpoints/cut-000002/shard-1.part") == 1);
  CHECK(found_after(
            [&](faulty_disk& x) {
              for (const auto* cut : {"cut-000001", "cut-000002"})
                CHECK(x.remove(in(std::string(cut) + "/manifest.json")));
            },
            "cut-000002/manifest.json") == 0);
}

TEST_CASE("a manifest that was moved, or has another version, is refused",
          "[runtime][checkpoint]") {
  written_cuts cuts({{1}, {2}});
  REQUIRE(
      cuts.disk.rename(folder / "cut-000002/manifest.json", folder / "cut-000001/manifest.json"));
  CHECK_THAT(cuts.store.read_manifest({1}).error().text,
             Contains("is the manifest of cut 2, expected that of cut 1"));
  auto text = to_json(cut_manifest{});
  CHECK(parse_manifest(text, "m").value() == cut_manifest{});
  text.replace(text.find("\"format\": 1"), 11, "\"format\": 2");
  CHECK_THAT(parse_manifest(text, "m").error().text,
             Contains("m has format version 2, this program reads version 1"));
}

TEST_CASE("a manifest of hostile text is refused", "[runtime][checkpoint]") {
  cut_manifest sample;
  sample.cut = {2};
  sample.parts.push_back({"shard-0.part", 5, std::string(64, 'a'), {}, 0, {1}});
  sample.lives.push_back({{actor_role::shard, 1}, {2}});
  const auto text = to_json(sample);
  CHECK(parse_manifest(text, "m").value() == sample);
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    auto damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    const auto got = parse_manifest(damaged, "m");
    CHECK((!got || got.value() == sample)); // accepted: of white space
  }
  const auto refusal = [&](auto change) {
    auto x = sample;
    change(x);
    const auto got = parse_manifest(to_json(x), "m");
    return got ? std::string("accepted") : got.error().text;
  };
  CHECK_THAT(refusal([](cut_manifest& x) { x.parts[0].file = "../shard-0.part"; }),
             Contains("\"parts.file\""));
  CHECK_THAT(refusal([](cut_manifest& x) { x.parts[0].sha256 = "00"; }),
             Contains("\"parts.sha256\""));
  CHECK_THAT(refusal([](cut_manifest& x) { x.parts[0].base = {2}; }), Contains("\"parts\""));
  CHECK_THAT(refusal([](cut_manifest& x) { x.parts.push_back(x.parts[0]); }),
             Contains("\"parts\""));
  CHECK_THAT(parse_manifest("[]", "m").error().text, Contains("no JSON object"));
  CHECK_THAT(parse_manifest("{}", "m").error().text, Contains("\"format\" is missing"));
}

TEST_CASE("cuts are kept by count and age, and so is what they build on", "[runtime][checkpoint]") {
  using numbers = std::vector<cut_number>;
  const auto at = [](std::uint32_t seconds) {
    return std::chrono::sys_seconds(std::chrono::seconds(seconds));
  };
  written_cuts cuts({{1}, {2}, {3, 2}, {4, 3}, {5}});
  REQUIRE(cuts.store.write(sample_state(0, 6))); // is being written
  CHECK(cuts.store.cuts().value() == numbers{{1}, {2}, {3}, {4}, {5}, {6}});
  CHECK(cuts.store.next_number().value() == cut_number{7});
  CHECK(cuts.store.prune({5, 0ms}, at(9000)).value() == numbers{});
  CHECK(cuts.store.prune({2, 0ms}, at(9000)).value() == numbers{{1}});
  CHECK(cuts.store.prune({1, 5000s}, at(8000)).value() == numbers{}); // 4 is younger than that
  CHECK(cuts.store.prune({0, 1000s}, at(8000)).value() == numbers{{2}, {3}, {4}});
  CHECK(cuts.store.cuts().value() == numbers{{5}, {6}});
  REQUIRE(write_cut(cuts.store, {7}));
  CHECK(cuts.store.prune({2, 0ms}, at(9000)).value() == numbers{{6}}); // it never got whole
  CHECK(cuts.store.cuts().value() == numbers{{5}, {7}});
}

TEST_CASE("a run without checkpoints has none", "[runtime][checkpoint]") {
  faulty_disk disk;
  checkpoint_store store(disk, folder);
  CHECK(!store.newest_whole().value().newest);
  CHECK(store.next_number().value() == cut_number{1});
  CHECK(store.prune({1, 0ms}, {}).value().empty());
}

TEST_CASE("the disk of this machine keeps cuts as the one in memory does",
          "[runtime][checkpoint]") {
  const temporary_folder own;
  const auto disk = local_files();
  checkpoint_store store(*disk, own.path() / "checkpoints");
  for (std::uint32_t cut = 1; cut <= 3; ++cut) REQUIRE(write_cut(store, {cut}));
  const auto found = store.newest_whole().value();
  REQUIRE(found.newest);
  CHECK(found.newest->cut == cut_number{3});
  check_same(store.read(*found.newest, shard_id{1}).value(), sample_state(1, 3));
  CHECK(store.prune({1, 0ms}, {}).value() == std::vector<cut_number>{{1}, {2}});
  CHECK(store.cuts().value() == std::vector<cut_number>{{3}});
  // A limit on file sizes fails a write in the middle, as a full disk does.
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{200, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto got = write_cut(store, {4});
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, signal_before);
  REQUIRE_FALSE(got);
  CHECK_THAT(got.error().text, Contains("cannot write") && Contains("File too large"));
  CHECK(std::filesystem::is_empty(store.folder_of({4})));
}

} // namespace lagrange::tests
