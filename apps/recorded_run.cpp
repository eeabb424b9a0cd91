#include "apps/recorded_run.hpp"

#include "apps/run_folder.hpp"
#include "runtime/job_devices.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

/// All of one run, and of this config.
result<void> check_head(const journal& found, const journal& first, shard_id shard,
                        std::string_view job_text) {
  const auto foreign = [&](std::string_view what) {
    return failure(errc::bad_file,
                   fmt::format("the journal of shard-{} {}; copy the whole folder of the run again",
                               shard.value, what));
  };
  if (found.head.shard != shard) return foreign("is that of another shard");
  if (found.head.job != first.head.job) return foreign("is of another run than that of shard-0");
  if (found.head.job_text != sha256(std::as_bytes(std::span(job_text))))
    return foreign("was made with another job.toml than the one beside it");
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
  for (std::uint32_t shard = 0; shard < made.job.topology.shards; ++shard) {
    BOOST_OUTCOME_TRY(found, read_journal(journal_path(folder, {shard})));
    made.journals.push_back(std::move(found));
    BOOST_OUTCOME_TRY(check_head(made.journals.back(), made.journals.front(), {shard}, text));
  }
  BOOST_OUTCOME_TRY(facts, read_data_facts(made.job, rows));
  made.facts = std::move(facts);
  auto anywhere = made.job;
  anywhere.topology.devices = {"cpu"};
  BOOST_OUTCOME_TRY(check_job(anywhere, made.facts, rows));
  read_end(made);
  return made;
}

std::vector<std::string> differences_of(const recorded_run& run, const catalog& rows) {
  const auto& written = run.journals.front().head;
  auto here = make_journal_header(run.job, {}, {});
  here.libraries = libraries_of(run.job, rows);
  return differences(written, here);
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
