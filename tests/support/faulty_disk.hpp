/// \file
/// A disk in memory that forgets: its writer is killed, or its power is cut, at any one step, and
/// what was not brought to the disk by then may be there or not, in part or as a whole.
#pragma once

#include "runtime/file_system.hpp"

#include <map>
#include <optional>
#include <random>
#include <set>

namespace lagrange::tests {

class faulty_disk final : public runtime::file_system {
public:
  /// What becomes of what no sync has brought to the disk.
  enum class loss : std::uint8_t { nothing = 0, drawn, everything };

  faulty_disk() : root_(std::make_shared<node>()) { root_->is_folder = true; }

  /// Every step from this one on fails; the first may have been done in part. 0: none does.
  void crash_at(std::uint64_t step, std::uint32_t seed) {
    crash_at_ = step == 0 ? 0 : steps_ + step;
    draw_.seed(seed);
  }
  /// Writes of more bytes than that fail, and no other step.
  void fill_up(std::uint64_t bytes_left) { bytes_left_ = bytes_left; }
  std::uint64_t steps() const { return steps_; }
  /// After a crash: what the next process finds.
  void come_back(loss what);
  /// Every path to a file there is.
  std::set<std::string> files() const {
    std::set<std::string> made;
    list_files(*root_, "", made);
    return made;
  }
  /// Flips a bit of a file, or cuts its last byte off.
  void damage(const path& file, std::size_t bit) {
    find(file)->now.at(bit / 8) ^= std::byte{1} << bit % 8;
  }
  void cut_off(const path& file) { find(file)->now.pop_back(); }

  runtime::result<std::unique_ptr<runtime::written_file>> create(const path& file) override;
  runtime::result<std::unique_ptr<runtime::readable_file>> open(const path& file) override;
  runtime::result<void> rename(const path& from, const path& to) override;
  runtime::result<void> remove(const path& which) override;
  runtime::result<void> make_folder(const path& folder) override;
  runtime::result<void> sync_folder(const path& folder) override;
  runtime::result<std::vector<entry>> list(const path& folder) override;

private:
  struct node {
    bool is_folder = false;
    std::vector<std::byte> now, kept; ///< content, and that which is on the disk
    std::map<std::string, std::shared_ptr<node>> names, kept_names;
  };
  struct writer;
  struct reader;

  static runtime::error none(std::string_view what, const path& where) {
    return {runtime::errc::bad_file,
            "cannot " + std::string(what) + " " + where.string() + ": No such file or directory"};
  }
  /// Whether the next step is done; if not, `is_half` says whether some of it is.
  bool step(bool* is_half = nullptr) {
    ++steps_;
    if (crash_at_ == 0 || steps_ < crash_at_) return true;
    if (is_half != nullptr) *is_half = steps_ == crash_at_ && draw_() % 2 == 0;
    return false;
  }
  static runtime::error killed() { return {runtime::errc::interrupted, "killed"}; }
  std::shared_ptr<node> find(const path& which) const {
    auto at = root_;
    for (const auto& part : which.relative_path()) {
      const auto next = at->names.find(part.string());
      if (next == at->names.end()) return nullptr;
      at = next->second;
    }
    return at;
  }
  static void list_files(const node& at, const std::string& prefix, std::set<std::string>& out) {
    for (const auto& [name, child] : at.names)
      if (child->is_folder)
        list_files(*child, prefix + "/" + name, out);
      else
        out.insert(prefix + "/" + name);
  }
  void forget(node& at, loss what);

  std::shared_ptr<node> root_;
  std::mt19937 draw_;
  std::uint64_t steps_ = 0, crash_at_ = 0;
  std::optional<std::uint64_t> bytes_left_;
};

} // namespace lagrange::tests
