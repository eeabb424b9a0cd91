#include "apps/recorded_run.hpp"

#include "apps/door.hpp"
#include "apps/run_folder.hpp"
#include "runtime/job_devices.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;

namespace {

result<void> check_folder(const fs::path& folder) {
  BOOST_OUTCOME_TRY(check_run_folder(folder));
  std::error_code wrong;
  if (fs::exists(folder / "journal", wrong)) return success();
  return failure(errc::bad_argument, fmt::format("{} has no journal, expected the folder of a run "
                                                 "that kept journals, as in runs/JOB-TIME",
                                                 folder.string()));
}

/// Each term ran with the config that it says, and the last one with that of the run.
result<void> check_texts(const run_history& history, const fs::path& folder,
                         std::string_view job_text) {
  const auto digest = [](std::string_view text) { return sha256(std::as_bytes(std::span(text))); };
  for (const auto& term : history.terms) {
    if (term.counted == 0 && &term != &history.terms.back()) continue; // rolled back whole
    const auto name = fmt::format("term-{}", term.term.value);
    BOOST_OUTCOME_TRY(own, read_run_file(folder / name));
    const bool is_last = &term == &history.terms.back();
    if (term.head.job_text != digest(is_last ? job_text : std::string_view(own)))
      return failure(errc::bad_file,
                     fmt::format("the journals of {} were made with another {} than the one beside "
                                 "them; copy the whole folder of the run again",
                                 name, is_last ? "job.toml" : "config"));
  }
  return success();
}

/// What the summary says, as far as there is one: a run that was killed has none.
void read_end(recorded_run& run) {
  const auto text = read_run_file(run.folder / "summary.json");
  if (!text) return;
  const auto found = nlohmann::json::parse(text.value(), nullptr, false);
  if (!found.is_object()) return;
  run.outcome = found.value("outcome", "");
  run.parameters_sha256 = found.value("parameters_sha256", "");
  if (const auto at = found.find("test_accuracy"); at != found.end() && at->is_number())
    run.test_accuracy = at->get<double>();
}

} // namespace

result<recorded_run> read_run(const fs::path& folder, const catalog& rows) {
  BOOST_OUTCOME_TRY(check_folder(folder));
  recorded_run made;
  made.folder = folder;
  BOOST_OUTCOME_TRY(text, read_run_file(folder / "job.toml"));
  BOOST_OUTCOME_TRY(parsed, parse_job(text, (folder / "job.toml").string(), {}, rows));
  made.job = std::move(parsed);
  BOOST_OUTCOME_TRY(history, read_history(folder, made.job.topology.shards));
  BOOST_OUTCOME_TRY(check_texts(history, folder, text));
  made.journals = std::move(history.shards);
  made.terms = std::move(history.terms);
  BOOST_OUTCOME_TRY(anew, anew_told(folder));
  made.anew = std::move(anew);
  BOOST_OUTCOME_TRY(facts, read_data_facts(made.job, rows));
  made.facts = std::move(facts);
  auto anywhere = made.job;
  anywhere.topology.devices = {"cpu"};
  BOOST_OUTCOME_TRY(check_job(anywhere, made.facts, rows));
  read_end(made);
  return made;
}

std::vector<std::string> differences_of(const recorded_run& run, const catalog& rows) {
  auto here = make_journal_header(run.job, {}, {});
  here.libraries = libraries_of(run.job, rows);
  std::vector<std::string> made;
  for (const auto& term : run.terms) {
    if (term.counted == 0) continue;
    for (auto& each : differences(term.head, here))
      if (std::ranges::find(made, each) == made.end()) made.push_back(std::move(each));
  }
  return made;
}

std::vector<std::string> terms_told(const recorded_run& run) {
  if (run.terms.size() < 2) return {};
  std::vector<std::string> made{
      fmt::format("{} terms, of which the last ended the run", run.terms.size())};
  for (const auto& term : run.terms)
    if (term.rolled_back > 0)
      made.push_back(fmt::format("term {}: {} records count, {} were rolled back", term.term.value,
                                 term.counted, term.rolled_back));
  return made;
}

nlohmann::json terms_json(const recorded_run& run) {
  auto made = nlohmann::json::array();
  for (const auto& term : run.terms)
    made.push_back(
        {{"term", term.term.value}, {"records", term.counted}, {"rolled_back", term.rolled_back}});
  return made;
}

std::vector<std::string> torn_tails_of(const recorded_run& run) {
  std::vector<std::string> made;
  for (std::size_t shard = 0; shard < run.journals.size(); ++shard)
    if (const auto& found = run.journals[shard]; found.torn_bytes > 0)
      made.push_back(fmt::format("the journal of shard-{} ends within a record: its last {} bytes "
                                 "are left out",
                                 shard, found.torn_bytes));
  return made;
}

} // namespace lagrange::apps
