#include "tests/support/faulty_disk.hpp"

namespace lagrange::tests {

struct faulty_disk::writer final : runtime::written_file {
  writer(faulty_disk& of, std::shared_ptr<node> to, path where)
      : disk(of), file(std::move(to)), name(std::move(where)) {}
  runtime::result<void> write(std::span<const std::byte> bytes) override {
    bool is_half = false;
    const bool is_done = disk.step(&is_half);
    if (is_half) bytes = bytes.first(disk.draw_() % (bytes.size() + 1));
    const bool is_full = disk.bytes_left_ && bytes.size() > *disk.bytes_left_;
    if (is_full) bytes = bytes.first(static_cast<std::size_t>(*disk.bytes_left_));
    if (disk.bytes_left_) *disk.bytes_left_ -= bytes.size();
    if (is_done || is_half) file->now.insert(file->now.end(), bytes.begin(), bytes.end());
    if (!is_done) return killed();
    if (is_full)
      return runtime::failure(runtime::errc::bad_file,
                              "cannot write " + name.string() + ": No space left on device");
    return runtime::success();
  }
  runtime::result<void> sync() override {
    bool is_half = false;
    const bool is_done = disk.step(&is_half);
    if (is_done || is_half) file->kept = file->now;
    return is_done ? runtime::result<void>(runtime::success()) : killed();
  }
  runtime::result<void> close() override {
    return disk.step() ? runtime::result<void>(runtime::success()) : killed();
  }
  faulty_disk& disk;
  std::shared_ptr<node> file;
  path name;
};

struct faulty_disk::reader final : runtime::readable_file {
  explicit reader(std::shared_ptr<const node> from) : file(std::move(from)), bytes(file->now) {}
  std::uint64_t size() const override { return bytes.size(); }
  runtime::result<void> read(std::uint64_t first, std::span<std::byte> to) const override {
    return bytes.read(first, to);
  }
  std::shared_ptr<const node> file;
  runtime::file_in_memory bytes;
};

runtime::result<std::unique_ptr<runtime::written_file>> faulty_disk::create(const path& file) {
  bool is_half = false;
  const bool is_done = step(&is_half);
  const auto folder = find(file.parent_path());
  if (!folder) return none("create", file);
  auto made = std::make_shared<node>();
  if (const auto old = folder->names.find(file.filename().string()); old != folder->names.end())
    made = old->second;
  if (is_done || is_half) {
    made->now.clear();
    folder->names[file.filename().string()] = made;
  }
  if (!is_done) return killed();
  return std::unique_ptr<runtime::written_file>(std::make_unique<writer>(*this, made, file));
}

runtime::result<std::unique_ptr<runtime::readable_file>> faulty_disk::open(const path& file) {
  const auto found = find(file);
  if (!found || found->is_folder) return none("open", file);
  return std::unique_ptr<runtime::readable_file>(std::make_unique<reader>(found));
}

runtime::result<void> faulty_disk::rename(const path& from, const path& to) {
  bool is_half = false;
  const bool is_done = step(&is_half);
  const auto source = find(from.parent_path()), target = find(to.parent_path());
  if (!source || !target || !find(from)) return none("replace", to);
  if (is_done || is_half) {
    target->names[to.filename().string()] = find(from);
    source->names.erase(from.filename().string());
  }
  return is_done ? runtime::result<void>(runtime::success()) : killed();
}

runtime::result<void> faulty_disk::remove(const path& which) {
  bool is_half = false;
  const bool is_done = step(&is_half);
  const auto found = find(which);
  if (found && !found->names.empty())
    return runtime::failure(runtime::errc::bad_file,
                            "cannot remove " + which.string() + ": Directory not empty");
  if (found && (is_done || is_half))
    find(which.parent_path())->names.erase(which.filename().string());
  return is_done ? runtime::result<void>(runtime::success()) : killed();
}

runtime::result<void> faulty_disk::make_folder(const path& folder) {
  bool is_half = false;
  const bool is_done = step(&is_half);
  const auto parent = find(folder.parent_path());
  if (!parent) return none("make the folder", folder);
  if (auto& place = parent->names[folder.filename().string()]; !place) {
    place = std::make_shared<node>();
    place->is_folder = true;
    if (!is_done && !is_half) parent->names.erase(folder.filename().string());
  }
  return is_done ? runtime::result<void>(runtime::success()) : killed();
}

runtime::result<void> faulty_disk::sync_folder(const path& folder) {
  bool is_half = false;
  const bool is_done = step(&is_half);
  const auto found = find(folder);
  if (!found) return none("bring to the disk the folder", folder);
  if (is_done || is_half) found->kept_names = found->names;
  return is_done ? runtime::result<void>(runtime::success()) : killed();
}

runtime::result<std::vector<runtime::file_system::entry>> faulty_disk::list(const path& folder) {
  std::vector<entry> made;
  if (const auto found = find(folder))
    for (const auto& [name, child] : found->names) made.push_back({name, child->is_folder});
  return made;
}

void faulty_disk::come_back(loss what) {
  crash_at_ = 0;
  forget(*root_, what);
}

void faulty_disk::forget(node& at, loss what) {
  const auto is_lost = [&] {
    return what == loss::everything || (what == loss::drawn && draw_() % 2 == 0);
  };
  if (at.now != at.kept && is_lost()) {
    // Blocks reach the disk in any order: a part of it, or its length and no content.
    const auto length = what == loss::drawn ? draw_() % (at.now.size() + 1) : 0;
    auto part = at.kept;
    if (what == loss::drawn && draw_() % 2 == 0) {
      part.assign(at.now.begin(), at.now.begin() + static_cast<std::ptrdiff_t>(length));
      if (draw_() % 2 == 0) part.resize(at.now.size());
    }
    at.now = part;
  }
  at.kept = at.now;
  auto names = at.names;
  names.insert(at.kept_names.begin(), at.kept_names.end());
  for (const auto& [name, unused] : names) {
    const auto now = at.names.find(name), kept = at.kept_names.find(name);
    const bool is_same =
        now != at.names.end() && kept != at.kept_names.end() && now->second == kept->second;
    if (is_same || !is_lost()) continue;
    if (kept == at.kept_names.end())
      at.names.erase(name);
    else
      at.names[name] = kept->second;
  }
  at.kept_names = at.names;
  for (const auto& [name, child] : at.names) forget(*child, what);
}

} // namespace lagrange::tests
