/// \file
/// A shard's journal as a file: a head that says what the run was made with, and one record of 64
/// bytes an entry, appended before the shard answers. The layout is in README.md. What was written
/// survives kill -9 of the shard; a power cut may cost the last seconds.
#pragma once

#include "runtime/job.hpp"
#include "runtime/journal.hpp"
#include "runtime/transport/descriptor.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace lagrange::runtime {

/// Raised with every change that an older reader would misread. Other versions are refused.
constexpr std::uint32_t journal_version = 4;
/// Updates between two hashes of a shard's parameters: hashing costs what a few updates do.
constexpr std::uint64_t journal_hash_every = 256;

/// What a journal goes on from: the first records of the one that the shard kept in an earlier
/// term. Term 0: from the beginning of the job.
struct journal_origin {
  supervisor_term term;
  std::uint64_t records = 0;
  bool operator==(const journal_origin&) const = default;
};

struct journal_header {
  shard_id shard;
  incarnation life;
  supervisor_term term;
  std::uint32_t threads = 1; ///< of a worker
  job_id job;
  std::uint64_t seed = 0;
  sha256_digest job_text{}; ///< of the resolved config
  std::string build;        ///< build_id()
  std::string instruction_set;
  std::string libraries; ///< and devices: libraries_of()
  journal_origin continues;
  bool operator==(const journal_header&) const = default;
};

/// The header of a journal that this process writes.
journal_header make_journal_header(const job& what, std::string_view job_text, const stamp& self);

/// What of the program and its machine was different when the journal was written, one sentence
/// each: these are what bits depend on.
std::vector<std::string> differences(const journal_header& written, const journal_header& here);

/// Of shard-N in the run's folder: in journal/, or for terms after the first in journal/term-T/.
std::filesystem::path journal_path(const std::filesystem::path& run, shard_id shard,
                                   supervisor_term term = {1});

/// Appends to a file of its own. Used by one thread. No allocation once it has seen its largest
/// burst.
class journal_writer {
public:
  /// Errors: bad_file, also if the file is there: a journal is never overwritten.
  static result<journal_writer> create(const std::filesystem::path& path,
                                       const journal_header& head);
  /// One write for all. Errors: bad_file; what was written is cut off again, as far as it can be.
  result<void> append(std::span<const journal_entry> entries);

private:
  explicit journal_writer(std::filesystem::path path) : path_(std::move(path)) {}
  /// What is in burst_.
  result<void> write();

  std::filesystem::path path_;
  transport::descriptor file_;
  std::vector<char> burst_;
  std::uint64_t size_ = 0;  ///< of the file
  std::uint32_t chain_ = 0; ///< the check of the last record
};

/// Opens a journal for the shard that the header names.
using journal_opener = std::function<result<journal_sink>(const journal_header&)>;
/// One that writes to that file.
journal_opener write_journal_to(std::filesystem::path path);

struct journal {
  journal_header head;
  std::vector<journal_entry> entries;
  std::size_t torn_bytes = 0; ///< at the end, of a record that was cut off
};

/// The journal in a file's content. `place` is what errors call it. A last record that is cut off
/// or fails its check is a torn tail, and left out.
/// Errors: bad_file, naming what is damaged, missing or of another version, and what to do.
result<journal> decode_journal(std::span<const char> content, const std::string& place);
result<journal> read_journal(const std::filesystem::path& path);
/// The head alone. Errors: as above.
result<journal_header> read_journal_head(const std::filesystem::path& path);

} // namespace lagrange::runtime
