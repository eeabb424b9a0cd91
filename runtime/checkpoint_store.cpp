#include "runtime/checkpoint_store.hpp"

#include "runtime/files.hpp"
#include "runtime/shard_increment.hpp"
#include "runtime/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ranges>

namespace lagrange::runtime {

namespace {

using path = std::filesystem::path;

constexpr std::string_view manifest_name = "manifest.json", cut_prefix = "cut-";
// Far above what a thousand actors write.
constexpr std::size_t manifest_bytes_max = std::size_t{16} << 20;

std::optional<cut_number> cut_of(const file_system::entry& x) {
  if (!x.is_folder || !x.name.starts_with(cut_prefix)) return std::nullopt;
  const auto number = parse_count(std::string_view(x.name).substr(cut_prefix.size()), "it", 1,
                                  std::numeric_limits<std::uint32_t>::max());
  if (!number) return std::nullopt;
  return cut_number{static_cast<std::uint32_t>(number.value())};
}

error not_whole(cut_number cut, const std::string& why) {
  return {errc::bad_file, fmt::format("checkpoint {} is not whole: {}", cut.value, why)};
}

} // namespace

checkpoint_store::checkpoint_store(file_system& disk, path folder)
    : disk_(disk), folder_(std::move(folder)) {}

std::string checkpoint_store::file_of(shard_id shard) {
  return fmt::format("shard-{}.part", shard.value);
}
std::string checkpoint_store::file_of(worker_id worker) {
  return fmt::format("worker-{}.part", worker.value);
}
path checkpoint_store::folder_of(cut_number cut) const {
  return folder_ / fmt::format("{}{:06}", cut_prefix, cut.value);
}
path checkpoint_store::path_of(cut_number cut, const std::string& file) const {
  return folder_of(cut) / file;
}

// ---- writing ------------------------------------------------------------------------------------

result<void> checkpoint_store::make_folders(cut_number cut) {
  BOOST_OUTCOME_TRY(disk_.make_folder(folder_));
  return disk_.make_folder(folder_of(cut));
}

template <class Content>
result<cut_manifest::part> checkpoint_store::put(cut_number cut, const std::string& file,
                                                 const Content& content) {
  BOOST_OUTCOME_TRY(make_folders(cut));
  file_facts facts;
  const auto write = [&](written_file& to) -> result<void> {
    const byte_sink sink = [&](std::span<const std::byte> bytes) { return to.write(bytes); };
    BOOST_OUTCOME_TRY(found, content(sink));
    facts = found;
    return success();
  };
  BOOST_OUTCOME_TRY(write_atomically(disk_, path_of(cut, file), write));
  cut_manifest::part made;
  made.file = file;
  made.bytes = facts.bytes;
  made.sha256 = to_hex(facts.digest);
  return made;
}

result<cut_manifest::part> checkpoint_store::write(const shard_state& x) {
  BOOST_OUTCOME_TRY(
      made, put(x.cut, file_of(x.shard), [&](const byte_sink& to) { return write_part(x, to); }));
  made.version = x.version;
  made.records = x.records;
  made.base = x.base;
  return std::move(made);
}

result<cut_manifest::part> checkpoint_store::write(const residual_state& x) {
  return put(x.cut, file_of(x.worker), [&](const byte_sink& to) { return write_part(x, to); });
}

result<void> checkpoint_store::write(const cut_manifest& x) {
  const auto text = to_json(x);
  BOOST_OUTCOME_TRY(make_folders(x.cut)); // of a job in which nobody has a part
  BOOST_OUTCOME_TRY(disk_.sync_folder(folder_));
  if (folder_.has_parent_path()) {
    BOOST_OUTCOME_TRY(disk_.sync_folder(folder_.parent_path()));
  }
  return write_atomically(disk_, path_of(x.cut, std::string(manifest_name)), [&](written_file& to) {
    return to.write(std::as_bytes(std::span(text)));
  });
}

// ---- reading ------------------------------------------------------------------------------------

result<std::vector<cut_number>> checkpoint_store::cuts() const {
  BOOST_OUTCOME_TRY(entries, disk_.list(folder_));
  std::vector<cut_number> made;
  for (const auto& each : entries)
    if (const auto cut = cut_of(each)) made.push_back(*cut);
  std::ranges::sort(made);
  return made;
}

result<cut_number> checkpoint_store::next_number() const {
  BOOST_OUTCOME_TRY(all, cuts());
  return all.empty() ? cut_number{1} : all.back().next();
}

result<cut_manifest> checkpoint_store::read_manifest(cut_number cut) const {
  const auto place = path_of(cut, std::string(manifest_name));
  BOOST_OUTCOME_TRY(file, disk_.open(place));
  BOOST_OUTCOME_TRY(content, read_all(*file, manifest_bytes_max, place));
  BOOST_OUTCOME_TRY(made, parse_manifest({content.data(), content.size()}, place.string()));
  if (made.cut != cut)
    return failure(errc::bad_file,
                   fmt::format("{} is the manifest of cut {}, expected that of cut {}; somebody "
                               "has moved it",
                               place.string(), made.cut.value, cut.value));
  return std::move(made);
}

result<void> checkpoint_store::check(cut_number cut, const cut_manifest::part& part) const {
  const auto place = path_of(cut, part.file);
  BOOST_OUTCOME_TRY(file, disk_.open(place));
  if (file->size() != part.bytes)
    return failure(errc::bad_file, fmt::format("{} has {} bytes, its manifest says {}",
                                               place.string(), file->size(), part.bytes));
  BOOST_OUTCOME_TRY(found, facts_of(*file));
  if (to_hex(found.digest) != part.sha256)
    return failure(errc::bad_file,
                   fmt::format("{} is damaged: its SHA-256 is not the one that its manifest says",
                               place.string()));
  return success();
}

result<cut_manifest> checkpoint_store::base_of(const cut_manifest::part& part,
                                               cut_number cut) const {
  BOOST_OUTCOME_TRY(base, read_manifest(part.base));
  if (base.find(part.file) == nullptr)
    return failure(errc::bad_file, fmt::format("{} builds on cut {}, which has no part of its name",
                                               path_of(cut, part.file).string(), part.base.value));
  return std::move(base);
}

result<void> checkpoint_store::check(const cut_manifest& x) const {
  for (const auto& each : x.parts) {
    BOOST_OUTCOME_TRY(check(x.cut, each));
    auto part = each;
    for (auto cut = x.cut; part.base.value != 0;) {
      BOOST_OUTCOME_TRY(base, base_of(part, cut));
      cut = part.base; // lower every time: the loop ends
      part = *base.find(part.file);
      BOOST_OUTCOME_TRY(check(cut, part));
    }
  }
  return success();
}

result<found_cut> checkpoint_store::newest_whole() const {
  BOOST_OUTCOME_TRY(all, cuts());
  found_cut made;
  for (const auto cut : all | std::views::reverse) {
    auto manifest = read_manifest(cut);
    auto problem = manifest ? error{} : manifest.error();
    if (manifest)
      if (const auto checked = check(manifest.value()); !checked) problem = checked.error();
    if (problem.code == errc::none) {
      made.newest = std::move(manifest).value();
      break;
    }
    made.passed_over.push_back(not_whole(cut, problem.text));
  }
  return std::move(made);
}

result<shard_state> checkpoint_store::read(const cut_manifest& x, shard_id shard) const {
  const auto file = file_of(shard);
  const auto* part = x.find(file);
  if (part == nullptr) return not_whole(x.cut, "it has no " + file);
  const auto place = path_of(x.cut, file);
  BOOST_OUTCOME_TRY(open, disk_.open(place));
  BOOST_OUTCOME_TRY(made, read_shard_part(*open, place.string()));
  if (made.cut != x.cut || made.shard != shard || made.base != part->base)
    return failure(errc::bad_file,
                   fmt::format("{} is the part of shard {} in cut {}; somebody has moved it",
                               place.string(), made.shard.value, made.cut.value));
  if (made.base.value == 0) return std::move(made);
  BOOST_OUTCOME_TRY(base, base_of(*part, x.cut));
  BOOST_OUTCOME_TRY(older, read(base, shard));
  if (const auto problem = complete(made, older); problem.code != errc::none)
    return failure(problem.code, fmt::format("{}: {}", place.string(), problem.text));
  return std::move(made);
}

result<residual_state> checkpoint_store::read(const cut_manifest& x, worker_id worker) const {
  const auto file = file_of(worker);
  if (x.find(file) == nullptr) return not_whole(x.cut, "it has no " + file);
  const auto place = path_of(x.cut, file);
  BOOST_OUTCOME_TRY(open, disk_.open(place));
  BOOST_OUTCOME_TRY(made, read_residual_part(*open, place.string()));
  if (made.cut != x.cut || made.worker != worker)
    return failure(errc::bad_file,
                   fmt::format("{} is the part of worker {} in cut {}; somebody has moved it",
                               place.string(), made.worker.value, made.cut.value));
  return std::move(made);
}

// ---- removing -----------------------------------------------------------------------------------

result<void> checkpoint_store::remove(cut_number cut) {
  const auto folder = folder_of(cut);
  BOOST_OUTCOME_TRY(entries, disk_.list(folder));
  if (std::ranges::any_of(entries, [](const auto& x) { return x.name == manifest_name; })) {
    BOOST_OUTCOME_TRY(disk_.remove(folder / manifest_name));
    BOOST_OUTCOME_TRY(disk_.sync_folder(folder)); // so that no manifest names what is gone
  }
  for (const auto& each : entries) {
    BOOST_OUTCOME_TRY(disk_.remove(folder / each.name));
  }
  BOOST_OUTCOME_TRY(disk_.remove(folder));
  return disk_.sync_folder(folder_);
}

std::set<cut_number> checkpoint_store::needed_by(const std::vector<cut_manifest>& whole,
                                                 std::set<cut_number> kept) const {
  for (const auto& each : whole) // the newest first: each names older ones alone
    if (kept.contains(each.cut))
      for (const auto& part : each.parts)
        if (part.base.value != 0) kept.insert(part.base);
  return kept;
}

result<std::vector<cut_number>> checkpoint_store::prune(const retention& stays,
                                                        std::chrono::sys_seconds now) {
  BOOST_OUTCOME_TRY(all, cuts());
  std::vector<cut_manifest> whole;
  for (const auto cut : all | std::views::reverse)
    if (auto manifest = read_manifest(cut)) whole.push_back(std::move(manifest).value());
  std::set<cut_number> kept;
  for (const auto& each : whole)
    if (kept.size() < std::max(stays.newest, 1U) ||
        std::max(now, each.time) - each.time < stays.younger_than)
      kept.insert(each.cut);
  kept = needed_by(whole, std::move(kept));
  std::vector<cut_number> removed;
  for (const auto cut : all) {
    if (whole.empty() || cut >= whole.front().cut || kept.contains(cut)) continue;
    BOOST_OUTCOME_TRY(remove(cut));
    removed.push_back(cut);
  }
  return std::move(removed);
}

} // namespace lagrange::runtime
