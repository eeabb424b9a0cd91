#include "runtime/journal_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace lagrange::runtime {

namespace fs = std::filesystem;

namespace {

/// The number in "term-12", say; 0: it is no such name.
std::uint32_t number_behind(std::string_view prefix, const std::string& name) {
  std::uint32_t number = 0;
  if (!name.starts_with(prefix)) return 0;
  const auto* end = name.data() + name.size();
  const auto [stop, problem] = std::from_chars(name.data() + prefix.size(), end, number);
  return problem == std::errc{} && stop == end ? number : 0;
}

auto broken(shard_id shard, supervisor_term term, const std::string& what) {
  return failure(errc::bad_file,
                 fmt::format("the journal of shard-{} in term {} {}; copy the whole folder of the "
                             "run again",
                             shard.value, term.value, what));
}

/// The journals of promoted replicas beside that of the first life, by life.
std::map<std::uint32_t, fs::path> later_lives(const fs::path& first) {
  std::map<std::uint32_t, fs::path> made;
  const auto stem = first.stem().string() + ".";
  std::error_code wrong;
  for (const auto& each : fs::directory_iterator(first.parent_path(), wrong)) {
    const auto name = each.path().stem().string();
    if (each.path().extension() != first.extension() || !name.starts_with(stem)) continue;
    if (const auto life = number_behind("life-", name.substr(stem.size())); life > 0)
      made[life] = each.path();
  }
  return made;
}

using terms_by_number = std::map<supervisor_term, history_term>;

/// Collects one shard's history, from the last term back to the first.
class chain {
public:
  chain(const fs::path& run, shard_id shard, terms_by_number& terms)
      : run_(run), shard_(shard), terms_(terms) {}

  result<journal> read(supervisor_term last) {
    BOOST_OUTCOME_TRY(made, read_term_journal(run_, shard_, last));
    BOOST_OUTCOME_TRY(check(made.head, last));
    note(made.head, made.entries.size(), made.entries.size());
    BOOST_OUTCOME_TRY(before, read_until(made.head.continues));
    made.entries.insert(made.entries.begin(), before.begin(), before.end());
    return made;
  }

  result<std::vector<journal_entry>> read_until(journal_origin until) {
    std::vector<std::vector<journal_entry>> parts; // the last term's first
    while (until.term.value > 0) {
      BOOST_OUTCOME_TRY(found, read_first(until));
      parts.push_back(std::move(found.entries));
      until = found.head.continues;
    }
    std::vector<journal_entry> made;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part)
      made.insert(made.end(), part->begin(), part->end());
    return made;
  }

private:
  result<void> check(const journal_header& found, supervisor_term term) {
    if (!job_) job_ = found.job;
    if (found.shard != shard_) return broken(shard_, term, "is that of another shard");
    if (found.term != term)
      return broken(shard_, term, fmt::format("says that it is of term {}", found.term.value));
    if (found.job != *job_) return broken(shard_, term, "is of another run than a later term's");
    if (found.continues.term >= term)
      return broken(
          shard_, term,
          fmt::format("goes on from term {}, which was not before it", found.continues.term.value));
    return success();
  }

  /// The journal with those of its records alone that count.
  result<journal> read_first(const journal_origin& until) {
    const auto path = journal_path(run_, shard_, until.term);
    std::error_code wrong;
    if (!fs::exists(path, wrong))
      return failure(errc::bad_file,
                     fmt::format("{} is missing, and a later term of shard-{} goes on from its "
                                 "record {}; copy the whole folder of the run again",
                                 path.string(), shard_.value, until.records));
    BOOST_OUTCOME_TRY(found, read_term_journal(run_, shard_, until.term));
    BOOST_OUTCOME_TRY(check(found.head, until.term));
    if (found.entries.size() < until.records)
      return broken(shard_, until.term,
                    fmt::format("ends after {} records, and a later term goes on from record {}",
                                found.entries.size(), until.records));
    note(found.head, until.records, found.entries.size());
    found.entries.resize(until.records);
    return found;
  }

  void note(const journal_header& head, std::uint64_t counted, std::uint64_t records) {
    auto& term = terms_[head.term];
    term.term = head.term;
    term.head = head;
    term.counted += counted;
    term.rolled_back += records - counted;
  }

  const fs::path& run_;
  shard_id shard_;
  terms_by_number& terms_;
  std::optional<job_id> job_; ///< as the last term says
};

/// Records of a journal that the history passes over; none where it cannot be read any more.
std::uint64_t records_of(const fs::path& run, shard_id shard, supervisor_term term) {
  const auto found = read_term_journal(run, shard, term);
  return found ? found.value().entries.size() : 0;
}

} // namespace

std::vector<supervisor_term> journal_terms(const fs::path& run, std::uint32_t shards) {
  std::vector<supervisor_term> made{{1}};
  std::error_code wrong;
  for (const auto& each : fs::directory_iterator(run / "journal", wrong))
    if (const auto number = number_behind("term-", each.path().filename().string()); number > 1)
      made.push_back({number});
  std::ranges::sort(made);
  std::erase_if(made, [&](supervisor_term term) {
    for (std::uint32_t shard = 0; shard < shards; ++shard)
      if (!fs::exists(journal_path(run, {shard}, term), wrong)) return true;
    return false;
  });
  return made;
}

result<journal> read_term_journal(const fs::path& run, shard_id shard, supervisor_term term) {
  const auto first = journal_path(run, shard, term);
  BOOST_OUTCOME_TRY(made, read_journal(first));
  for (const auto& [life, path] : later_lives(first)) {
    BOOST_OUTCOME_TRY(next, read_journal(path));
    const auto& from = next.head.continues;
    if (next.head.job != made.head.job || next.head.shard != shard || from.term != term)
      return broken(shard, term, fmt::format("has a life {} of another shard, run or term", life));
    if (from.records > made.entries.size())
      return broken(shard, term,
                    fmt::format("ends after {} records, and incarnation {} goes on from record {}",
                                made.entries.size(), life, from.records));
    made.entries.resize(from.records);
    made.entries.insert(made.entries.end(), next.entries.begin(), next.entries.end());
    made.torn_bytes = next.torn_bytes;
  }
  return made;
}

result<run_history> read_history(const fs::path& run, std::uint32_t shards) {
  const auto all = journal_terms(run, shards);
  for (std::uint32_t shard = 0; all.empty() && shard < shards; ++shard) {
    BOOST_OUTCOME_TRY(read_journal(journal_path(run, {shard}))); // says which one is missing
  }
  LAGRANGE_EXPECT(!all.empty(), "a run without shards");
  terms_by_number terms;
  for (const auto term : all) terms[term].term = term;
  run_history made;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    BOOST_OUTCOME_TRY(whole, chain(run, {shard}, terms).read(all.back()));
    made.shards.push_back(std::move(whole));
    const auto &own = made.shards.back().head, &first = made.shards.front().head;
    if (own.job != first.job) return broken({shard}, own.term, "is of another run than shard-0's");
    if (own.continues.term != first.continues.term)
      return broken({shard}, own.term,
                    fmt::format("goes on from term {}, and that of shard-0 from term {}",
                                own.continues.term.value, first.continues.term.value));
  }
  for (auto& [number, term] : terms) {
    if (term.counted + term.rolled_back == 0)
      for (std::uint32_t shard = 0; shard < shards; ++shard)
        term.rolled_back += records_of(run, {shard}, number);
    made.terms.push_back(std::move(term));
  }
  return made;
}

result<std::vector<journal_entry>> read_records(const fs::path& run, shard_id shard,
                                                const journal_origin& until) {
  terms_by_number terms;
  return chain(run, shard, terms).read_until(until);
}

result<std::map<lease_id, std::uint32_t>> batches_told(const fs::path& run,
                                                       std::span<const journal_origin> continues,
                                                       const feeder_options& dealt) {
  std::map<lease_id, std::uint32_t> made;
  for (std::uint32_t shard = 0; dealt.batches_max > 1 && shard < continues.size(); ++shard) {
    BOOST_OUTCOME_TRY(records, read_records(run, {shard}, continues[shard]));
    for (const auto& entry : records) {
      if (entry.kind != journal_kind::applied && entry.kind != journal_kind::dropped) continue;
      if (const auto batches = batches_of(dealt, entry.samples); batches > 1)
        made[entry.what] = batches;
    }
  }
  return made;
}

result<std::vector<std::string>> switches_told(const fs::path& run,
                                               std::span<const journal_origin> continues) {
  std::vector<std::string> made;
  if (continues.empty()) return made;
  BOOST_OUTCOME_TRY(records, read_records(run, {0}, continues.front()));
  for (const auto& entry : records)
    if (entry.kind == journal_kind::switched) made.push_back(policy_of(entry));
  return made;
}

std::vector<incarnation> lives_told(const fs::path& run, std::uint32_t shards,
                                    std::uint32_t workers) {
  std::vector<incarnation> made(workers);
  for (const auto term : journal_terms(run, shards))
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      const auto found = read_term_journal(run, {shard}, term);
      if (!found) continue;
      for (const auto& entry : found.value().entries) {
        if (entry.kind == journal_kind::state || entry.kind == journal_kind::switched) continue;
        if (entry.worker.value >= made.size()) made.resize(entry.worker.value + 1);
        made[entry.worker.value] = std::max(made[entry.worker.value], entry.life);
      }
    }
  return made;
}

} // namespace lagrange::runtime
