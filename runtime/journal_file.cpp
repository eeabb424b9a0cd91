#include "runtime/journal_file.hpp"

#include "ops/machine.hpp"
#include "runtime/build_id.hpp"
#include "runtime/files.hpp"
#include "runtime/wire_checksum.hpp"

#include <boost/endian/conversion.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

namespace lagrange::runtime {

namespace {

using boost::endian::load_little_u32, boost::endian::load_little_u64;
using boost::endian::store_little_u32, boost::endian::store_little_u64;

constexpr std::string_view magic("LGRJRNL\0", 8);
constexpr std::size_t head_bytes = 512, record_bytes = 64, text_bytes = 128;
constexpr std::size_t digest_bytes = sizeof(sha256_digest);
/// Far more than a job that a machine could run in its life.
constexpr std::size_t file_bytes_max = std::size_t{1} << 40;

/// Reads or writes numbers at offsets, so that the layout is said once.
class writing {
public:
  explicit writing(char* at) : at_(reinterpret_cast<unsigned char*>(at)) {}
  void byte(std::size_t at, const journal_kind& x) { at_[at] = static_cast<unsigned char>(x); }
  void flag(std::size_t at, const bool& x) { at_[at] = x ? 1 : 0; }
  void u32(std::size_t at, const std::uint32_t& x) { store_little_u32(at_ + at, x); }
  void u64(std::size_t at, const std::uint64_t& x) { store_little_u64(at_ + at, x); }
  void f32(std::size_t at, const float& x) { u32(at, std::bit_cast<std::uint32_t>(x)); }
  void digest(std::size_t at, const sha256_digest& x) { std::memcpy(at_ + at, x.data(), x.size()); }
  void text(std::size_t at, const std::string& x) {
    std::memcpy(at_ + at, x.data(), std::min(x.size(), text_bytes)); // the rest is zeros
  }

private:
  unsigned char* at_;
};
class reading {
public:
  explicit reading(const char* at) : at_(reinterpret_cast<const unsigned char*>(at)) {}
  void byte(std::size_t at, journal_kind& x) const { x = static_cast<journal_kind>(at_[at]); }
  void flag(std::size_t at, bool& x) const { x = at_[at] != 0; }
  void u32(std::size_t at, std::uint32_t& x) const { x = load_little_u32(at_ + at); }
  void u64(std::size_t at, std::uint64_t& x) const { x = load_little_u64(at_ + at); }
  void f32(std::size_t at, float& x) const { x = std::bit_cast<float>(load_little_u32(at_ + at)); }
  void digest(std::size_t at, sha256_digest& x) const { std::memcpy(x.data(), at_ + at, x.size()); }
  void text(std::size_t at, std::string& x) const {
    const auto* begin = reinterpret_cast<const char*>(at_ + at);
    x.assign(begin, std::find(begin, begin + text_bytes, '\0'));
  }

private:
  const unsigned char* at_;
};

/// The head after magic, version and check.
template <class Bytes, class Head>
void each_field(Bytes bytes, Head& x) {
  bytes.u32(16, x.shard.value);
  bytes.u32(20, x.life.value);
  bytes.u32(24, x.term.value);
  bytes.u32(28, x.threads);
  bytes.u64(32, x.job.value);
  bytes.u64(40, x.seed);
  bytes.digest(48, x.job_text);
  bytes.text(80, x.build);
  bytes.text(80 + text_bytes, x.instruction_set);
  bytes.text(80 + 2 * text_bytes, x.libraries);
  bytes.u32(80 + 3 * text_bytes, x.continues.term.value);
  bytes.u64(88 + 3 * text_bytes, x.continues.records);
}
static_assert(48 + digest_bytes == 80 && 96 + 3 * text_bytes <= head_bytes);

/// A record after its check, at 0.
template <class Bytes, class Entry>
void each_value(Bytes bytes, Entry& x) {
  bytes.byte(4, x.kind);
  bytes.u32(8, x.worker.value);
  bytes.u32(12, x.life.value);
  bytes.u64(16, x.version.value);
  if (x.kind == journal_kind::state) return bytes.digest(24, x.digest);
  bytes.u64(24, x.clock.value);
  if (x.kind == journal_kind::served) return bytes.u64(32, x.slowest.value);
  if (x.kind == journal_kind::switched) return bytes.digest(32, x.digest);
  bytes.u64(32, x.what.value);
  bytes.u64(40, x.read.value);
  bytes.u32(48, x.attempt.value);
  bytes.u32(52, x.kind == journal_kind::set_aside ? x.batches : x.samples);
  bytes.flag(5, x.is_compensated);
  bytes.f32(56, x.clip_scale);
  bytes.u32(60, x.checksum);
}

std::string encode_head(const journal_header& x) {
  std::string made(head_bytes, '\0');
  std::ranges::copy(magic, made.begin());
  each_field(writing(made.data()), x);
  writing(made.data()).u32(8, journal_version);
  writing(made.data()).u32(12, crc32c(std::span(made).subspan(16)));
  return made;
}

std::uint32_t check_of(std::span<const char> record, std::uint32_t chain) {
  return crc32c(record.subspan(4, record_bytes - 4), chain);
}

auto file_failure(std::string_view what, const std::filesystem::path& path,
                  std::string_view advice) {
  return failure(errc::bad_file, fmt::format("cannot {} its journal {}: {}; {}", what,
                                             path.string(), std::strerror(errno), advice));
}

auto damaged(const std::string& place, const std::string& found) {
  return failure(errc::bad_file, fmt::format("journal {} is damaged: {}; copy it again from where "
                                             "the run was made",
                                             place, found));
}

} // namespace

// ---- heads --------------------------------------------------------------------------------------

journal_header make_journal_header(const job& what, std::string_view job_text, const stamp& self) {
  return {.shard = {self.name.index},
          .life = self.life,
          .term = self.term,
          .threads = what.topology.threads,
          .job = self.job,
          .seed = what.seed,
          .job_text = sha256(std::as_bytes(std::span(job_text))),
          .build = build_id(),
          .instruction_set = ops::instruction_set(),
          .libraries = ops::library_versions(),
          .continues = {}};
}

std::vector<std::string> differences(const journal_header& written, const journal_header& here) {
  std::vector<std::string> found;
  const auto compare = [&](std::string_view what, const std::string& then, std::string now) {
    if (now.size() > text_bytes) now.resize(text_bytes); // a file has no more
    if (then != now)
      found.push_back(fmt::format("the run had {} {}, here it is {}", what, then, now));
  };
  compare("the program", written.build, here.build);
  compare("the instruction set", written.instruction_set, here.instruction_set);
  compare("the libraries", written.libraries, here.libraries);
  return found;
}

std::filesystem::path journal_path(const std::filesystem::path& run, shard_id shard,
                                   supervisor_term term) {
  const auto folder = run / "journal";
  return (term.value > 1 ? folder / fmt::format("term-{}", term.value) : folder) /
         fmt::format("shard-{}.lgj", shard.value);
}

// ---- writing ------------------------------------------------------------------------------------

result<journal_writer> journal_writer::create(const std::filesystem::path& path,
                                              const journal_header& head) {
  journal_writer made(path);
  made.file_.reset(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0644));
  if (!made.file_) return file_failure("create", path, "check the folder's rights and free space");
  const auto content = encode_head(head);
  made.burst_.assign(content.begin(), content.end());
  made.chain_ = load_little_u32(reinterpret_cast<const unsigned char*>(content.data()) + 12);
  BOOST_OUTCOME_TRY(made.write());
  return made;
}

result<void> journal_writer::append(std::span<const journal_entry> entries) {
  burst_.assign(entries.size() * record_bytes, '\0');
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto record = std::span(burst_).subspan(i * record_bytes, record_bytes);
    each_value(writing(record.data()), entries[i]);
    chain_ = check_of(record, chain_);
    writing(record.data()).u32(0, chain_);
  }
  return write();
}

result<void> journal_writer::write() {
  if (!write_all(file_.get(), std::as_bytes(std::span(burst_)))) {
    auto problem = file_failure("write", path_, "free some space and run the job again");
    [[maybe_unused]] const int cut = ::ftruncate(file_.get(), static_cast<off_t>(size_));
    return problem;
  }
  size_ += burst_.size();
  return success();
}

journal_opener write_journal_to(std::filesystem::path path) {
  return [path = std::move(path)](const journal_header& head) -> result<journal_sink> {
    BOOST_OUTCOME_TRY(made, journal_writer::create(path, head));
    auto writer = std::make_shared<journal_writer>(std::move(made));
    return journal_sink([writer](shard_id, std::span<const journal_entry> entries) {
      return writer->append(entries);
    });
  };
}

// ---- reading ------------------------------------------------------------------------------------

namespace {

result<journal_header> decode_head(std::span<const char> content, const std::string& place) {
  if (content.size() < head_bytes || !std::ranges::equal(content.first(magic.size()), magic))
    return failure(errc::bad_file, fmt::format("{} is no journal, or was cut off before its first "
                                               "record; name the folder of a run",
                                               place));
  const reading bytes(content.data());
  std::uint32_t version = 0, check = 0;
  bytes.u32(8, version);
  if (version != journal_version)
    return failure(errc::bad_file,
                   fmt::format("journal {} has format version {}, expected {}; read it with the "
                               "lagrange that wrote it",
                               place, version, journal_version));
  bytes.u32(12, check);
  if (check != crc32c(content.subspan(16, head_bytes - 16)))
    return damaged(place, "its head fails its check");
  journal_header made;
  each_field(bytes, made);
  return made;
}

} // namespace

result<journal> decode_journal(std::span<const char> content, const std::string& place) {
  journal made;
  BOOST_OUTCOME_TRY(head, decode_head(content, place));
  made.head = std::move(head);
  std::uint32_t chain = 0;
  reading(content.data()).u32(12, chain);
  auto rest = content.subspan(head_bytes);
  made.entries.reserve(rest.size() / record_bytes);
  for (; rest.size() >= record_bytes; rest = rest.subspan(record_bytes)) {
    std::uint32_t check = 0;
    reading(rest.data()).u32(0, check);
    chain = check_of(rest, chain);
    if (check != chain) {
      if (rest.size() < 2 * record_bytes) break;
      return damaged(
          place, fmt::format("record {} fails its check, and others follow", made.entries.size()));
    }
    auto& entry = made.entries.emplace_back();
    each_value(reading(rest.data()), entry);
    if (entry.kind > journal_kind::set_aside)
      return damaged(place, fmt::format("record {} is of kind {}, expected at most {}",
                                        made.entries.size() - 1, static_cast<int>(entry.kind),
                                        static_cast<int>(journal_kind::set_aside)));
  }
  made.torn_bytes = rest.size();
  return made;
}

result<journal> read_journal(const std::filesystem::path& path) {
  BOOST_OUTCOME_TRY(content, read_file(path, file_bytes_max));
  return decode_journal(content, path.string());
}

result<journal_header> read_journal_head(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> content(head_bytes);
  file.read(content.data(), head_bytes);
  content.resize(static_cast<std::size_t>(file.gcount()));
  return decode_head(content, path.string());
}

} // namespace lagrange::runtime
