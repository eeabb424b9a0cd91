/// \file
/// What a run shows and what it leaves behind: the view that a person looks at, and the run's
/// folder. The same for a real run and for a simulated one.
#pragma once

#include "apps/left_nodes.hpp"
#include "apps/live_view.hpp"
#include "apps/run.hpp"
#include "apps/run_folder.hpp"
#include "runtime/control.hpp"
#include "runtime/journal_file.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lagrange::apps {

/// When something happened, as it is written.
struct moment {
  std::string date; ///< empty: there is none
  std::string time;
};

/// What a run that goes on had reached in the programs before.
struct earlier_terms {
  runtime::summary figures;             ///< of the last one that ended in order, or none
  std::chrono::milliseconds elapsed{0}; ///< in its metrics
};

class run_record {
public:
  /// Makes the run's folder, with the config in it, or goes on in that of options.resume. Errors:
  /// bad_file; bad_argument, of a folder that is to be gone on in. Requires: options that outlive
  /// the record.
  static runtime::result<std::unique_ptr<run_record>> begin(const run_options& options);

  std::filesystem::path path() const { return folder_.path(); }
  /// The term that was taken last.
  runtime::supervisor_term term() const { return term_; }
  const earlier_terms& earlier() const { return earlier_; }
  /// Takes the next one. Errors: bad_file; fenced, once another supervisor has the run.
  runtime::result<void> begin_term();
  /// The nodes that this supervisor is to go on with as they are, in the term that they have; none:
  /// it begins a term of its own.
  const std::optional<left_nodes>& left() const { return left_; }
  const run_command& command() const { return folder_.command(); }
  /// Whether another supervisor has the run by now, and what to say then.
  bool is_replaced() const { return folder_.command().is_replaced(); }
  std::string replaced_text() const;
  /// Of all shards.
  runtime::journal_opener journals() const;

  /// To whoever watches alone.
  live_view& view() { return view_; }
  /// One thing that happened.
  void event(std::string_view text, const moment& when);
  /// A line of figures.
  void keep(const runtime::job_status& status);
  /// The end: its figures, parameters and cause, kept and shown. Returns the exit status.
  int finish(runtime::job_result& end);
  /// A file more.
  void write(std::string_view file, std::string_view content);
  /// Instead of finish(). Returns the exit status.
  int give_up(const std::string& why);
  /// The same once it is replaced: the run's folder is another's.
  int leave();

private:
  run_record(const run_options& options, run_folder folder)
      : options_(options), folder_(std::move(folder)), view_(options.mode, standard_screen()) {}

  runtime::result<void> begin_folder();
  runtime::result<bool> take_over_nodes();
  void append(std::string_view file, std::string_view line);
  bool keep_results(runtime::job_result& end);
  runtime::result<void> keep_parameters(runtime::job_result& end);

  const run_options& options_;
  run_folder folder_;
  runtime::supervisor_term term_;
  earlier_terms earlier_;
  std::optional<left_nodes> left_;
  live_view view_;
  bool is_disk_told_ = false;
};

} // namespace lagrange::apps
