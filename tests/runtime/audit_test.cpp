// The audit finds what is wrong with forged journals, and nothing with honest ones; no plan to
// replay a run is made of journals that cannot be true.
#include "runtime/audit.hpp"
#include "runtime/replay_plan.hpp"

#include <catch2/catch.hpp>

using namespace lagrange;
using namespace lagrange::runtime;
using Catch::Contains;

namespace {

/// Two epochs of three leases: 4, 4 and 2 samples.
constexpr std::uint64_t leases = 6;
feeder_options dealt() {
  feeder_options made;
  made.samples = 10;
  made.batch = 4;
  made.epochs = 2;
  made.shards = 2;
  return made;
}

journal_entry applied(std::uint64_t lease, std::uint64_t version) {
  journal_entry made;
  made.kind = journal_kind::applied;
  made.life = {1};
  made.clock = {lease};
  made.version = {version};
  made.what = {lease};
  made.attempt = {1};
  made.read = {version - 1};
  made.samples = lease % 3 == 2 ? 2 : 4;
  return made;
}

using entries = std::vector<journal_entry>;

entries honest() {
  entries made;
  for (std::uint64_t lease = 0; lease < leases; ++lease) made.push_back(applied(lease, lease + 1));
  return made;
}

audit audited(const entries& first, const entries& second, const feeder_options& of = dealt()) {
  audit made(of);
  for (const auto& entry : first) made.see({0}, entry);
  for (const auto& entry : second) made.see({1}, entry);
  made.end();
  return made;
}

std::string plan_refusal(const entries& forged) {
  journal one;
  one.entries = forged;
  const auto made = make_replay_plan(std::span(&one, 1));
  return made ? "accepted" : made.error().text;
}

} // namespace

TEST_CASE("LE-1: an honest run passes its audit, whatever the order of its leases",
          "[runtime][audit]") {
  auto other = honest();
  std::ranges::reverse(other);
  for (std::uint64_t i = 0; i < leases; ++i) other[i].version = {i + 1};
  const auto found = audited(honest(), other);
  CHECK(found.breach() == "");
  CHECK(found.counts().applied == leases);
  CHECK(found.counts().samples == 20);
}

TEST_CASE("LE-1: the audit counts leases that were set aside apart, and no sample of theirs",
          "[runtime][audit][deaths]") {
  auto without = honest();
  without[2].kind = journal_kind::set_aside;
  without[2].samples = 0;
  for (std::size_t i = 2; i < leases; ++i) without[i].version = {i};
  const auto found = audited(without, without);
  CHECK(found.breach() == "");
  CHECK(found.counts().applied == leases - 1);
  CHECK(found.counts().dropped == 1);
  CHECK(found.counts().set_aside == 1);
  CHECK(found.counts().samples == 18);
  // One shard had applied it before: it has changed parameters.
  CHECK(audited(honest(), without).counts().set_aside == 0);
  CHECK(audited(honest(), without).counts().applied == leases);
  auto forged = without;
  forged[2].version = {3}; // as if it had changed parameters
  CHECK_THAT(audited(forged, forged).breach(), Contains("went from version 2 to 3 with lease 2"));
  forged = without;
  forged[2].batches = 2;
  CHECK(audited(forged, forged).breach() != "");
}

TEST_CASE("LE-1: the audit names the first lease that is missing", "[runtime][audit]") {
  auto forged = honest();
  forged.erase(forged.begin() + 4);
  forged.back().version = {5};
  CHECK(audited(honest(), forged).breach() == "lease 4 was neither applied nor dropped by shard-1");
  CHECK_THAT(audited({}, {}).breach(), Contains("lease 0 was neither"));
}

TEST_CASE("SH-2: the audit names a lease that was applied twice", "[runtime][audit]") {
  auto forged = honest();
  forged.push_back(applied(2, leases + 1));
  CHECK(audited(forged, honest()).breach() ==
        "lease 2 was applied twice by shard-0 (at versions 3 and 7)");
  CHECK_THAT(plan_refusal(forged), Contains("applied twice") && Contains("lease 2"));
}

TEST_CASE("SH-1: the audit names a version that was skipped, or came without an update",
          "[runtime][audit]") {
  auto forged = honest();
  forged[3].version = {7};
  CHECK_THAT(audited(forged, honest()).breach(), Contains("from version 3 to 7 with lease 3"));
  CHECK_THAT(plan_refusal(forged), Contains("made version 7 of version 3"));
  forged = honest();
  journal_entry served;
  served.version = {5};
  forged.insert(forged.begin() + 1, served);
  CHECK_THAT(audited(forged, honest()).breach(), Contains("without an update"));
}

TEST_CASE("LE-1: the audit counts samples, and leases that the job does not have",
          "[runtime][audit]") {
  auto forged = honest();
  forged[1].samples = 3;
  CHECK_THAT(audited(forged, honest()).breach(), Contains("with 3 samples, but has 4"));
  forged = honest();
  forged.push_back(applied(6, 7));
  CHECK_THAT(audited(forged, honest()).breach(), Contains("but the job has only 6"));
}

TEST_CASE("LE-1: a lease that was dropped is settled, and one that some shard applied is applied",
          "[runtime][audit]") {
  auto dropping = honest();
  dropping[5].kind = journal_kind::dropped;
  dropping[5].version = {5};
  CHECK(audited(dropping, honest()).counts().applied == leases);
  const auto found = audited(dropping, dropping);
  CHECK(found.breach() == "");
  CHECK(found.counts().dropped == 1);
}

namespace {

/// Two epochs of three batches, in leases of up to two.
feeder_options dealt_dynamically() {
  auto made = dealt();
  made.batches_max = 2;
  return made;
}

entries dynamic(std::initializer_list<std::pair<std::uint64_t, std::uint32_t>> leases) {
  entries made;
  for (const auto& [lease, samples] : leases) {
    made.push_back(applied(lease, made.size() + 1));
    made.back().samples = samples;
  }
  return made;
}

std::string breach_of(const entries& first, const entries& second) {
  return audited(first, second, dealt_dynamically()).breach();
}

} // namespace

TEST_CASE("LE-1: leases of several batches hold every batch of an epoch once",
          "[runtime][audit][dynamic]") {
  const auto honest = dynamic({{0, 8}, {2, 2}, {3, 4}, {4, 6}});
  const auto found = audited(honest, honest, dealt_dynamically());
  CHECK(found.breach() == "");
  CHECK(found.counts().leases == 4);
  CHECK(found.counts().applied == 4);
  CHECK(found.counts().samples == 20);
  CHECK_THAT(breach_of(honest, dynamic({{0, 8}, {3, 4}, {4, 6}})),
             Contains("lease 2 was neither applied nor dropped by shard-1"));
  const auto inside = dynamic({{0, 8}, {1, 4}, {2, 2}, {3, 4}, {4, 6}});
  CHECK(breach_of(inside, inside) ==
        "lease 1 was settled by shard-0 as a part of the lease before it");
  const auto beyond = dynamic({{0, 4}, {1, 4}, {2, 8}, {4, 6}});
  CHECK_THAT(breach_of(beyond, beyond), Contains("lease 2 was applied by shard-0 with 8 samples"));
  CHECK_THAT(breach_of(honest, dynamic({{0, 8}, {2, 2}, {3, 4}, {4, 4}, {5, 2}})),
             Contains("lease 4 had 2 batches at shard-0, but 1 at shard-1"));
}

TEST_CASE("LE-1: a lease of several batches that was dropped has its samples in the journal",
          "[runtime][audit][dynamic]") {
  auto dropping = dynamic({{0, 8}, {2, 2}, {3, 4}, {4, 6}});
  dropping[3].kind = journal_kind::dropped;
  dropping[3].version = {3};
  CHECK(breach_of(dropping, dropping) == "");
  dropping[3].samples = 0;
  CHECK_THAT(breach_of(dropping, dropping), Contains("lease 4 was dropped by shard-0 with 0"));
}

TEST_CASE("a plan knows a step's samples from whichever push tells them",
          "[runtime][replay][dynamic]") {
  auto one = dynamic({{0, 8}});
  auto duplicate = one.front();
  duplicate.kind = journal_kind::duplicate;
  duplicate.samples = 0;
  duplicate.version = {0};
  one.insert(one.begin(), duplicate);
  journal made;
  made.entries = one;
  CHECK(make_replay_plan(std::span(&made, 1)).value().steps.front().samples == 8);
}

TEST_CASE("no plan is made of a push that was read before it was there", "[runtime][replay]") {
  auto forged = honest();
  forged[2].read = {40};
  CHECK_THAT(plan_refusal(forged), Contains("was read before it was there"));
}
