#include "runtime/cut_manifest.hpp"

#include "runtime/digest.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <span>

namespace lagrange::runtime {

namespace {

using nlohmann::json; // sorts its keys: the same content is the same text

constexpr std::size_t digest_letters = 64;

std::string digest_of(const json& x) {
  const auto text = x.dump();
  return sha256_hex(std::as_bytes(std::span(text)));
}

json json_of(const cut_manifest::part& x) {
  return {{"file", x.file},       {"bytes", x.bytes},
          {"sha256", x.sha256},   {"version", x.version.value},
          {"records", x.records}, {"base", x.base.value}};
}

json json_of(const actor_life& x) {
  return {{"role", name(x.name.role)}, {"index", x.name.index}, {"life", x.life.value}};
}

/// A name in the folder, and no way out of it.
bool is_plain(std::string_view file) {
  return !file.empty() && file.front() != '.' && file.find('/') == std::string_view::npos;
}

bool is_digest(std::string_view text) {
  return text.size() == digest_letters &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Reads fields of one object. What is missing or of another kind is remembered, and is 0.
class fields {
public:
  explicit fields(const json& from) : from_(from) {}

  template <class Number>
  Number number(const char* key) {
    const auto* found = find(key);
    const bool is_right = found != nullptr && found->is_number_unsigned() &&
                          found->get<std::uint64_t>() <= std::numeric_limits<Number>::max();
    if (!is_right) note(key);
    return is_right ? found->get<Number>() : Number{};
  }
  std::string text(const char* key) {
    const auto* found = find(key);
    if (found != nullptr && found->is_string()) return found->get<std::string>();
    note(key);
    return {};
  }
  std::vector<json> list(const char* key) {
    const auto* found = find(key);
    if (found != nullptr && found->is_array()) return {found->begin(), found->end()};
    note(key);
    return {};
  }
  void note(std::string_view key) {
    if (wrong_.empty()) wrong_ = key;
  }
  /// The first key that was wrong; empty: none.
  const std::string& wrong() const { return wrong_; }

private:
  const json* find(const char* key) const {
    if (!from_.is_object()) return nullptr;
    const auto found = from_.find(key);
    return found == from_.end() ? nullptr : &*found;
  }
  const json& from_;
  std::string wrong_;
};

cut_manifest::part part_of(const json& from, fields& all) {
  fields in(from);
  const cut_manifest::part made{in.text("file"),
                                in.number<std::uint64_t>("bytes"),
                                in.text("sha256"),
                                {in.number<std::uint64_t>("version")},
                                in.number<std::uint64_t>("records"),
                                {in.number<std::uint32_t>("base")}};
  if (!is_plain(made.file)) in.note("file");
  if (!is_digest(made.sha256)) in.note("sha256");
  if (!in.wrong().empty()) all.note("parts." + in.wrong());
  return made;
}

actor_life life_of(const json& from, fields& all) {
  constexpr actor_role roles[] = {actor_role::supervisor, actor_role::worker, actor_role::shard,
                                  actor_role::feeder, actor_role::evaluator};
  fields in(from);
  const auto text = in.text("role");
  const auto* role =
      std::ranges::find(roles, text, [](actor_role each) { return std::string(name(each)); });
  if (role == std::end(roles)) in.note("role");
  const actor_life made{
      {role == std::end(roles) ? actor_role::worker : *role, in.number<std::uint32_t>("index")},
      {in.number<std::uint32_t>("life")}};
  if (!in.wrong().empty()) all.note("lives." + in.wrong());
  return made;
}

cut_manifest manifest_of(fields& in) {
  cut_manifest made;
  made.build = in.text("build");
  made.job = {in.number<std::uint64_t>("job")};
  made.term = {in.number<std::uint32_t>("term")};
  made.cut = {in.number<std::uint32_t>("cut")};
  made.time = std::chrono::sys_seconds(std::chrono::seconds(in.number<std::uint32_t>("time")));
  for (const auto& each : in.list("lives")) made.lives.push_back(life_of(each, in));
  for (const auto& each : in.list("parts")) {
    const auto part = part_of(each, in);
    if (made.find(part.file) != nullptr || part.base >= made.cut) in.note("parts");
    made.parts.push_back(part);
  }
  return made;
}

} // namespace

const cut_manifest::part* cut_manifest::find(std::string_view file) const {
  const auto found = std::ranges::find(parts, file, &part::file);
  return found == parts.end() ? nullptr : &*found;
}

std::string to_json(const cut_manifest& x) {
  auto lives = json::array(), parts = json::array();
  for (const auto& each : x.lives) lives.push_back(json_of(each));
  for (const auto& each : x.parts) parts.push_back(json_of(each));
  json made{{"format", manifest_version}, {"build", x.build},
            {"job", x.job.value},         {"term", x.term.value},
            {"cut", x.cut.value},         {"time", x.time.time_since_epoch().count()},
            {"lives", std::move(lives)},  {"parts", std::move(parts)}};
  made["sha256"] = digest_of(made);
  return made.dump(1) + '\n';
}

result<cut_manifest> parse_manifest(std::string_view text, const std::string& place) {
  const auto damaged = [&](const std::string& found) {
    return failure(errc::bad_file,
                   fmt::format("{} is damaged: {}; take an older checkpoint", place, found));
  };
  auto content = json::parse(text, nullptr, false);
  if (content.is_discarded() || !content.is_object()) return damaged("it is no JSON object");
  fields in(content);
  if (const auto version = in.number<std::uint64_t>("format");
      in.wrong().empty() && version != manifest_version)
    return failure(errc::bad_file,
                   fmt::format("{} has format version {}, this program reads version {}; use the "
                               "program that wrote it",
                               place, version, manifest_version));
  auto made = manifest_of(in);
  const auto digest = in.text("sha256");
  if (!in.wrong().empty())
    return damaged(fmt::format("its \"{}\" is missing, or none", in.wrong()));
  content.erase("sha256");
  if (digest_of(content) != digest) return damaged("its SHA-256 does not match its content");
  return made;
}

} // namespace lagrange::runtime
