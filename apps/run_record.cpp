#include "apps/run_record.hpp"

#include "runtime/assembly.hpp"
#include "runtime/checkpoint.hpp"
#include "runtime/digest.hpp"
#include "runtime/files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace lagrange::apps {

using namespace runtime;

namespace {
constexpr std::string_view parameters_file = "parameters.ckpt";
/// Nodes of a supervisor before that are killed are gone within this, or the kernel holds them.
constexpr std::chrono::seconds end_patience{5};
/// Longer than any line of metrics.jsonl.
constexpr std::streamoff line_bytes_max = 1 << 20;

/// The age of the job at the last line of its metrics.
std::chrono::milliseconds last_elapsed(const std::filesystem::path& metrics) {
  std::ifstream file(metrics, std::ios::binary | std::ios::ate);
  if (!file) return {};
  file.seekg(
      std::max<std::streamoff>(0, static_cast<std::streamoff>(file.tellg()) - line_bytes_max));
  double seconds = 0;
  for (std::string line; std::getline(file, line);) {
    const auto found = nlohmann::json::parse(line, nullptr, false);
    if (found.is_object()) seconds = found.value("elapsed_seconds", seconds);
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

/// What a run said at its end stops being true when it goes on, and is kept under this name.
constexpr std::string_view summary_before = "summary.before.json";

/// Of a run that was killed there are no figures, or those of an earlier program.
earlier_terms read_earlier(const std::filesystem::path& run) {
  std::error_code none;
  std::filesystem::rename(run / "summary.json", run / summary_before, none);
  earlier_terms made;
  made.elapsed = last_elapsed(run / "metrics.jsonl");
  if (const auto text = read_run_file(run / summary_before))
    if (auto found = parse_summary(text.value(), "its summary")) made.figures = found.value();
  return made;
}
} // namespace

result<std::unique_ptr<run_record>> run_record::begin(const run_options& options) {
  BOOST_OUTCOME_TRY(folder, options.resume.empty()
                                ? run_folder::create(options.job.output.dir, options.job.name)
                                : run_folder::open(options.resume, options.job.restart.silence));
  std::unique_ptr<run_record> made(new run_record(options, std::move(folder)));
  if (!options.resume.empty()) {
    made->earlier_ = read_earlier(made->path());
    BOOST_OUTCOME_TRY(are_adopted, made->take_over_nodes());
    if (are_adopted) return made;
  }
  if (auto begun = made->begin_folder(); !begun) {
    std::error_code ignored;
    if (options.resume.empty()) std::filesystem::remove_all(made->path(), ignored);
    return begun.error();
  }
  return made;
}

/// Whether it goes on with those that a supervisor before has left; else they are ended.
result<bool> run_record::take_over_nodes() {
  auto left = find_left_nodes(path());
  if (left.living.empty()) return false;
  auto why = no_adoption_because(left, path(), options_.job, options_.job_text);
  if (options_.where == hosting::in_process) why = "this job is to run in one process";
  if (why.empty()) {
    term_ = left.term;
    left_ = std::move(left);
    return true;
  }
  view_.event(fmt::format("{} nodes of the supervisor before are ended and not adopted: {}",
                          left.living.size(), why));
  if (end_left_nodes(left, path(), end_patience)) return false;
  return failure(errc::job_failed, fmt::format("processes of {} cannot be ended; see its nodes.log",
                                               path().string()));
}

result<void> run_record::begin_folder() {
  BOOST_OUTCOME_TRY(begin_term());
  return folder_.write("job.toml", options_.job_text);
}

result<void> run_record::begin_term() {
  left_.reset();
  if (is_replaced()) return failure(errc::fenced, replaced_text());
  BOOST_OUTCOME_TRY(term, folder_.take_term(options_.job_text));
  term_ = term;
  const auto journal = journal_path({}, {}, term).parent_path();
  if (journal.has_parent_path()) {
    BOOST_OUTCOME_TRY(folder_.make(journal.parent_path().string()));
  }
  return folder_.make(journal.string());
}

journal_opener run_record::journals() const {
  return [run = folder_.path()](const journal_header& head) {
    return write_journal_to(journal_path(run, head.shard, head.term))(head);
  };
}

void run_record::event(std::string_view text, const moment& when) {
  view_.event_at(when.time, text);
  append("events.log",
         fmt::format("{}{}{} {}", when.date, when.date.empty() ? "" : " ", when.time, text));
}

void run_record::keep(const job_status& status) { append("metrics.jsonl", render_json(status)); }

/// A full disk does not end the training; it is told once.
void run_record::append(std::string_view file, std::string_view line) {
  const auto kept = folder_.append(file, line);
  if (!kept && !std::exchange(is_disk_told_, true)) view_.error(kept.error().text);
}

void run_record::write(std::string_view file, std::string_view content) {
  if (const auto kept = folder_.write(file, content); !kept) view_.error(kept.error().text);
}

int run_record::finish(job_result& end) {
  folder_.command().lay_down();
  if (end.outcome == job_outcome::failed) view_.error("the job failed: " + end.cause);
  const bool is_kept = keep_results(end);
  view_.finish(end.figures, folder_.path().string());
  if (end.outcome == job_outcome::interrupted) return 130;
  return end.outcome == job_outcome::done && is_kept ? 0 : 1;
}

bool run_record::keep_results(job_result& end) {
  std::vector<result<void>> kept;
  if (!end.parameters.empty()) kept.push_back(keep_parameters(end));
  const auto text = to_json(end.figures) + "\n";
  kept.push_back(folder_.write("summary.json", text));
  kept.push_back(folder_.write("workers.json", to_json(end.workers)));
  if (!options_.summary_file.empty())
    kept.push_back(write_atomically(options_.summary_file, std::as_bytes(std::span(text))));
  for (const auto& each : kept)
    if (!each) view_.error(each.error().text);
  return std::ranges::all_of(kept, [](const auto& each) { return each.has_value(); });
}

result<void> run_record::keep_parameters(job_result& end) {
  const auto& job = options_.job;
  const auto values = assemble_values(job, *options_.catalog, options_.facts, end.parameters);
  end.figures.parameters_sha256 = sha256_hex(values);
  checkpoint made{job.name, job.model.name, LAGRANGE_VERSION, job.seed, options_.job_text, {}, {},
                  {}};
  const auto network = make_network(job, *options_.catalog, options_.facts.input);
  for (const auto& spec : network->parameters())
    made.parameters.push_back({spec.name, spec.extents});
  for (const auto& reply : end.parameters.shards)
    made.shards.push_back({{reply->from.name.index}, reply->version, reply->samples});
  return write_checkpoint(folder_.path() / parameters_file, made, values);
}

int run_record::give_up(const std::string& why) {
  folder_.command().lay_down(); // a standby is not to try the same again
  view_.error("the job failed: " + why);
  return 1;
}

std::string run_record::replaced_text() const {
  const auto now = look_for_command(path(), command().number());
  return fmt::format("supervisor {} of {} (process {}) was replaced by supervisor {} (process {}) "
                     "while it was stopped; nothing was lost, and the job is that one's",
                     command().number().value, path().string(), ::getpid(), now.what.command.value,
                     now.supervisor);
}

int run_record::leave() {
  view_.error(replaced_text());
  return 1;
}

} // namespace lagrange::apps
