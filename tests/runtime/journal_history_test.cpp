// Journals of several terms as one history: what was rolled back is no part of it, and what does
// not belong together is refused.
#include "runtime/audit.hpp"
#include "runtime/journal_history.hpp"
#include "runtime/replay_plan.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace lagrange;
using namespace lagrange::runtime;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

using entries = std::vector<journal_entry>;

/// A lease applied by a worker whose clock is that of the lease.
journal_entry applied(std::uint64_t lease, std::uint64_t version, std::uint32_t term = 1) {
  journal_entry made;
  made.kind = journal_kind::applied;
  made.life = {term};
  made.clock = {lease};
  made.version = {version};
  made.what = {lease};
  made.attempt = {(term - 1) * attempts_per_term + 1};
  made.read = {version - 1};
  made.samples = 1;
  return made;
}

/// A run's folder with journals that are made for the test.
class recorded {
public:
  recorded() { fs::create_directory(run() / "journal"); }
  const fs::path& run() const { return folder_.path(); }

  void write(std::uint32_t shard, std::uint32_t term, journal_origin from, const entries& what,
             std::uint64_t job = 7) {
    const auto path = journal_path(run(), {shard}, {term});
    fs::create_directory(path.parent_path());
    fs::remove(path);
    auto head =
        make_journal_header({}, "the job", {{job}, {term}, {}, {actor_role::shard, shard}, {term}});
    head.continues = from;
    auto writer = journal_writer::create(path, head);
    REQUIRE(writer);
    REQUIRE(writer.value().append(what));
  }
  /// Of a replica that took over after so many records.
  void promote(std::uint32_t shard, std::uint32_t term, std::uint32_t life, std::uint64_t records,
               const entries& what) {
    auto head =
        make_journal_header({}, "the job", {{7}, {term}, {}, {actor_role::shard, shard}, {life}});
    head.continues = {{term}, records};
    const auto sink = write_journal_to(journal_path(run(), {shard}, {term}))(head);
    REQUIRE(sink);
    REQUIRE(sink.value()({shard}, what));
  }
  result<run_history> read(std::uint32_t shards = 1) const { return read_history(run(), shards); }
  std::string refusal(std::uint32_t shards = 1) const {
    const auto found = read(shards);
    return found ? "accepted" : found.error().text;
  }

private:
  tests::temporary_folder folder_;
};

/// Two shards that applied some leases, went back to a cut that had some of them, and went on.
void write_three_terms(recorded& made) {
  made.write(0, 1, {}, {applied(0, 1), applied(1, 2), applied(2, 3)});
  made.write(1, 1, {}, {applied(1, 1), applied(0, 2), applied(2, 3)});
  made.write(0, 2, {{1}, 2}, {applied(3, 3, 2)}); // went down before its first cut
  made.write(1, 2, {{1}, 1}, {});
  made.write(0, 3, {{1}, 2}, {applied(2, 3, 3), applied(3, 4, 3)});
  made.write(1, 3, {{1}, 1}, {applied(0, 2, 3), applied(2, 3, 3), applied(3, 4, 3)});
}

feeder_options dealt(std::uint64_t samples) {
  feeder_options made;
  made.samples = samples;
  made.shards = 2;
  return made;
}

} // namespace

TEST_CASE("LE-1 RE-1: the history of several terms is what the last one went on from, and its own",
          "[runtime][journal]") {
  recorded run;
  write_three_terms(run);
  const auto found = run.read(2);
  REQUIRE(found);
  const auto& [shards, terms] = found.value();
  CHECK(shards[0].entries ==
        entries{applied(0, 1), applied(1, 2), applied(2, 3, 3), applied(3, 4, 3)});
  CHECK(shards[1].entries ==
        entries{applied(1, 1), applied(0, 2, 3), applied(2, 3, 3), applied(3, 4, 3)});
  REQUIRE(terms.size() == 3);
  CHECK(terms[0].counted == 3);
  CHECK(terms[0].rolled_back == 3);
  CHECK(terms[1].counted == 0);
  CHECK(terms[1].rolled_back == 1);
  CHECK(terms[2].counted == 5);
  CHECK(terms[2].rolled_back == 0);
  CHECK(read_records(run.run(), {1}, {{3}, 2}).value() ==
        entries{applied(1, 1), applied(0, 2, 3), applied(2, 3, 3)});
  audit checked(dealt(4));
  for (std::uint32_t shard = 0; shard < 2; ++shard)
    for (const auto& entry : shards[shard].entries) checked.see({shard}, entry);
  checked.end();
  CHECK(checked.breach() == "");
  CHECK(checked.counts().applied == 4);
  CHECK(checked.counts().dealt_again == 0);
  const auto plan = make_replay_plan(shards);
  REQUIRE(plan);
  CHECK(plan.value().shards[0].updates.size() == 4);
  // Of the step at lease 0 shard-1 has only the attempt of term 3.
  CHECK(plan.value().steps.size() == 5);
}

TEST_CASE("a chain of terms goes back as far as it has to", "[runtime][journal]") {
  recorded run;
  run.write(0, 1, {}, {applied(0, 1), applied(1, 2)});
  run.write(0, 4, {{1}, 1}, {applied(1, 2, 4), applied(2, 3, 4)});
  run.write(0, 7, {{4}, 1}, {applied(2, 3, 7)});
  const auto found = run.read();
  REQUIRE(found);
  CHECK(found.value().shards[0].entries ==
        entries{applied(0, 1), applied(1, 2, 4), applied(2, 3, 7)});
  run.write(0, 8, {}, {applied(0, 1, 8)}); // from the beginning
  CHECK(run.read().value().shards[0].entries == entries{applied(0, 1, 8)});
}

TEST_CASE("a term in which some shard did not begin has changed nothing", "[runtime][journal]") {
  recorded run;
  for (const std::uint32_t shard : {0, 1}) run.write(shard, 1, {}, {applied(0, 1)});
  run.write(0, 2, {{1}, 0}, {});
  CHECK(run.read(2).value().shards[1].entries.size() == 1);
  run.write(1, 2, {{1}, 0}, {});
  CHECK(run.read(2).value().shards[1].entries.empty());
}

TEST_CASE("a torn tail beyond what counts is not told of", "[runtime][journal]") {
  recorded run;
  run.write(0, 1, {}, {applied(0, 1), applied(1, 2)});
  run.write(0, 2, {{1}, 1}, {applied(1, 2, 2)});
  std::ofstream(journal_path(run.run(), {0}), std::ios::app) << "torn";
  CHECK(run.read().value().shards[0].entries.size() == 2);
  CHECK(run.read().value().shards[0].torn_bytes == 0);
}

TEST_CASE("journals of terms that do not belong together are refused", "[runtime][journal]") {
  recorded run;
  run.write(0, 1, {}, {applied(0, 1)});
  run.write(0, 2, {{1}, 3}, {});
  CHECK_THAT(run.refusal(), Contains("ends after 1 records") && Contains("from record 3"));
  run.write(0, 2, {{1}, 1}, {}, 8);
  CHECK_THAT(run.refusal(), Contains("is of another run"));
  run.write(0, 2, {{2}, 0}, {});
  CHECK_THAT(run.refusal(), Contains("goes on from term 2, which was not before it"));
  run.write(0, 3, {{2}, 0}, {});
  fs::remove(journal_path(run.run(), {0}, {2}));
  CHECK_THAT(run.refusal(), Contains("term-2/shard-0.lgj is missing"));
  fs::remove_all(run.run() / "journal" / "term-3");
  fs::copy(journal_path(run.run(), {0}), journal_path(run.run(), {0}, {2}));
  CHECK_THAT(run.refusal(), Contains("says that it is of term 1"));
}

TEST_CASE("which policies a history was switched to is read from what counts",
          "[runtime][journal]") {
  recorded run;
  journal_entry asp, bsp;
  asp.kind = bsp.kind = journal_kind::switched;
  asp.digest = policy_bytes("asp");
  bsp.digest = policy_bytes("bsp");
  run.write(0, 1, {}, {asp, applied(0, 1), bsp});
  const std::vector<journal_origin> all{{{1}, 3}}, some{{{1}, 2}};
  CHECK(switches_told(run.run(), all).value() == std::vector<std::string>{"asp", "bsp"});
  CHECK(switches_told(run.run(), some).value() == std::vector<std::string>{"asp"});
  CHECK(switches_told(run.run(), {}).value().empty());
}

TEST_CASE("shards that go on from different terms are refused", "[runtime][journal]") {
  recorded run;
  for (const std::uint32_t shard : {0, 1}) run.write(shard, 1, {}, {applied(0, 1)});
  run.write(0, 2, {{1}, 1}, {});
  run.write(1, 2, {}, {});
  CHECK_THAT(run.refusal(2), Contains("that of shard-0 from term 1"));
  fs::remove(journal_path(run.run(), {1}, {2}));
  fs::remove(journal_path(run.run(), {1}));
  CHECK_THAT(run.refusal(2), Contains("shard-1.lgj"));
}

TEST_CASE("no life of a worker is begun twice: the highest that was told of is known",
          "[runtime][journal]") {
  recorded run;
  write_three_terms(run);
  CHECK(lives_told(run.run(), 2, 2) == std::vector<incarnation>{{3}, {0}});
  fs::resize_file(journal_path(run.run(), {0}, {3}), 100);
  fs::resize_file(journal_path(run.run(), {1}, {3}), 100);
  CHECK(lives_told(run.run(), 2, 1) == std::vector<incarnation>{{2}});
}

TEST_CASE("DU-1 RE-1: a promoted replica's journal goes on where it took over, in later terms too",
          "[runtime][journal][replica]") {
  recorded run;
  run.write(0, 1, {}, {applied(0, 1), applied(1, 2), applied(2, 3)});
  run.promote(0, 1, 2, 2, {applied(3, 3), applied(2, 4)}); // nobody had heard of lease 2
  run.promote(0, 1, 3, 4, {applied(4, 5)});
  const auto leases = [](const result<run_history>& found) {
    std::vector<std::uint64_t> made;
    for (const auto& entry : found.value().shards[0].entries) made.push_back(entry.what.value);
    return made;
  };
  CHECK(leases(run.read()) == std::vector<std::uint64_t>{0, 1, 3, 2, 4});
  run.write(0, 2, {{1}, 3}, {applied(5, 4, 2)});
  CHECK(leases(run.read()) == std::vector<std::uint64_t>{0, 1, 3, 5});
}

TEST_CASE("a promoted replica's journal beyond what its shard had is refused",
          "[runtime][journal][replica]") {
  recorded run;
  run.write(0, 1, {}, {applied(0, 1)});
  run.promote(0, 1, 2, 2, {});
  CHECK_THAT(run.refusal(), Contains("incarnation 2 goes on from record 2"));
}
