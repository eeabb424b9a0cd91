#include "runtime/summary.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace lagrange::runtime {
namespace {

using json = nlohmann::ordered_json;

/// Walks the fields of a summary in the order of the contract: the one list that writing and
/// reading share. `visit` is called with (name, field); `visit.table(name, fields)` opens an
/// object.
template <class Summary, class Visitor>
void walk_figures(Summary& x, Visitor&& visit) {
  visit("job", x.job);
  visit("outcome", x.outcome);
  visit("policy", x.policy);
  visit("workers", x.workers);
  visit("shards", x.shards);
  visit("replicas", x.replicas);
  visit("seed", x.seed);
  visit("epochs", x.epochs);
  visit("wall_seconds", x.wall_seconds);
  visit("train_seconds", x.train_seconds);
  visit("samples_per_second", x.samples_per_second);
  visit("test_accuracy", x.test_accuracy);
  visit("test_loss", x.test_loss);
  visit("train_loss", x.train_loss);
  visit("time_to_target_seconds", x.time_to_target_seconds);
  visit("updates", x.updates);
  visit("skipped_steps", x.skipped_steps);
}
template <class Summary, class Visitor>
void walk(Summary& x, Visitor&& visit) {
  walk_figures(x, visit);
  visit.table("leases", [&](auto&& field) {
    field("issued", x.leases.issued);
    field("applied", x.leases.applied);
    field("dropped", x.leases.dropped);
    field("dealt_again", x.leases.dealt_again);
    field("lost", x.leases.lost);
    field("duplicated", x.leases.duplicated);
    field.later("set_aside", x.leases.set_aside);
  });
  visit.table("staleness", [&](auto&& field) {
    field("p50", x.staleness.p50);
    field("p99", x.staleness.p99);
    field("max", x.staleness.max);
  });
  visit("lag_max", x.lag_max);
  visit("wait_share", x.wait_share);
  visit.table("bytes", [&](auto&& field) {
    field("pushed", x.bytes.pushed);
    field("pulled", x.bytes.pulled);
    field("framing", x.bytes.framing);
    field("other", x.bytes.other);
    field("push_codec", x.bytes.push_codec);
    field("pull_codec", x.bytes.pull_codec);
    field.list("tensors", x.bytes.tensors, [](auto&& of, auto& tensor) {
      of("name", tensor.name);
      of("pushed", tensor.pushed);
      of("pulled", tensor.pulled);
    });
  });
  visit.table("restarts", [&](auto&& field) {
    field("worker", x.restarts.worker);
    field("shard", x.restarts.shard);
    field("feeder", x.restarts.feeder);
  });
  visit.table("recovery_ms", [&](auto&& field) {
    field("p50", x.recovery_ms.p50);
    field("p99", x.recovery_ms.p99);
  });
  visit.list("switches", x.switches, [](auto&& of, auto& each) {
    of("to", each.to);
    of("clock", each.clock);
    of("samples", each.samples);
    of("seconds", each.seconds);
  });
  visit("checkpoints", x.checkpoints);
  visit("parameters_sha256", x.parameters_sha256);
  visit("emulated", x.emulated);
  visit("advice", x.advice);
  visit("joined", x.joined);
  visit("left", x.left);
  visit("given_up", x.given_up);
}

/// The library writes numbers that are not finite as null.
struct json_writer {
  json& out;
  template <class T>
  void operator()(const char* name, const T& value) const {
    out[name] = value;
  }
  void operator()(const char* name, const std::optional<double>& value) const {
    out[name] = value ? json(*value) : json(nullptr);
  }
  void later(const char* name, std::uint64_t value) const { out[name] = value; }
  template <class Fields>
  void table(const char* name, const Fields& fields) const {
    json object = json::object();
    fields(json_writer{object});
    out[name] = std::move(object);
  }
  template <class Rows, class Fields>
  void list(const char* name, const Rows& rows, const Fields& fields) const {
    json array = json::array();
    for (const auto& row : rows) {
      json object = json::object();
      fields(json_writer{object}, row);
      array.push_back(std::move(object));
    }
    out[name] = std::move(array);
  }
};

struct json_reader {
  const json& in;
  std::string& problem; ///< the first one; empty while all is well
  std::string path{};

  template <class T>
  void operator()(const char* name, T& value) const {
    const auto found = in.find(name);
    if (found == in.end()) return refuse(name, "missing");
    if (!take(*found, value)) refuse(name, found->dump());
  }
  /// None in a summary of before there was any.
  void operator()(const char* name, std::vector<std::string>& texts) const {
    texts.clear();
    const auto found = in.find(name);
    if (found == in.end()) return;
    const auto is_text = [](const json& each) { return each.is_string(); };
    if (!found->is_array() || !std::ranges::all_of(*found, is_text))
      return refuse(name, "no array of texts");
    texts = found->get<std::vector<std::string>>();
  }
  /// Zero in a summary of before it was counted.
  void later(const char* name, std::uint64_t& value) const {
    value = 0;
    if (in.contains(name)) (*this)(name, value);
  }
  template <class Fields>
  void table(const char* name, const Fields& fields) const {
    const auto found = in.find(name);
    if (found == in.end() || !found->is_object()) return refuse(name, "no object");
    fields(json_reader{*found, problem, path + name + "."});
  }
  template <class Rows, class Fields>
  void list(const char* name, Rows& rows, const Fields& fields) const {
    const auto found = in.find(name);
    if (found == in.end() || !found->is_array()) return refuse(name, "no array");
    rows.resize(found->size());
    for (std::size_t index = 0; index < rows.size(); ++index) {
      const auto place = path + name + "[" + std::to_string(index) + "].";
      if (!(*found)[index].is_object()) return refuse(name, "no array of objects");
      fields(json_reader{(*found)[index], problem, place}, rows[index]);
    }
  }

private:
  void refuse(const char* name, const std::string& what) const {
    if (problem.empty()) problem = path + name + " is " + what;
  }
  static bool take(const json& from, std::string& value) {
    if (from.is_string()) value = from.get<std::string>();
    return from.is_string();
  }
  static bool take(const json& from, bool& value) {
    if (from.is_boolean()) value = from.get<bool>();
    return from.is_boolean();
  }
  static bool take(const json& from, std::uint64_t& value) {
    if (from.is_number_unsigned()) value = from.get<std::uint64_t>();
    return from.is_number_unsigned();
  }
  static bool take(const json& from, double& value) {
    if (from.is_number()) value = from.get<double>();
    return from.is_number();
  }
  static bool take(const json& from, std::optional<double>& value) {
    if (from.is_number())
      value = from.get<double>();
    else
      value = std::nullopt;
    return from.is_number() || from.is_null();
  }
};

std::string known(fmt::format_string<double&> form, std::optional<double> value) {
  return value ? fmt::format(form, *value) : std::string("unknown");
}

} // namespace

std::string to_json(const summary& x) {
  json out = json::object();
  walk(x, json_writer{out});
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

result<summary> parse_summary(std::string_view text, const std::string& origin) {
  const auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object())
    return failure(errc::bad_file, origin + ": no JSON object, expected a summary of a job");
  summary x;
  std::string problem;
  walk(x, json_reader{parsed, problem});
  if (!problem.empty())
    return failure(errc::bad_file, origin + ": " + problem + ", expected a summary of a job");
  return x;
}

std::string bytes_text(std::uint64_t count) {
  constexpr std::array<const char*, 5> units{"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < units.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string audit_line(const summary& x) {
  auto text = fmt::format("leases: {} issued, {} applied, {} lost, {} duplicated", x.leases.issued,
                          x.leases.applied, x.leases.lost, x.leases.duplicated);
  if (x.leases.dropped > 0) text += fmt::format(", {} dropped", x.leases.dropped);
  if (x.leases.set_aside > 0) text += fmt::format(", {} set aside", x.leases.set_aside);
  if (x.skipped_steps > 0)
    text += fmt::format(", {} steps skipped for numbers that are not finite", x.skipped_steps);
  if (x.leases.dealt_again > 0) text += fmt::format(", {} dealt again", x.leases.dealt_again);
  return text;
}

std::string to_text(const summary& x, const std::string& folder) {
  std::string text;
  text += fmt::format("test accuracy: {} (loss {})\n", known("{:.4f}", x.test_accuracy),
                      known("{:.4f}", x.test_loss));
  text += audit_line(x) + "\n";
  text += fmt::format("time: {:.1f} s, {:.1f} s of it training, {} samples/s\n", x.wall_seconds,
                      x.train_seconds, known("{:.0f}", x.samples_per_second));
  if (x.time_to_target_seconds)
    text += fmt::format("target accuracy reached after {:.1f} s\n", *x.time_to_target_seconds);
  text +=
      fmt::format("staleness: p50 {}, p99 {}, max {}; largest lag {}; waiting {}\n",
                  known("{:g}", x.staleness.p50), known("{:g}", x.staleness.p99),
                  known("{:g}", x.staleness.max), x.lag_max,
                  x.wait_share ? fmt::format("{:.1f} % of the workers' time", *x.wait_share * 100)
                               : std::string("unknown"));
  text += fmt::format("bytes: {} pushed, {} pulled\n", bytes_text(x.bytes.pushed),
                      bytes_text(x.bytes.pulled));
  if (x.bytes.push_codec != "none" || x.bytes.pull_codec != "none")
    text += fmt::format("codecs: {} pushes, {} pulls\n", x.bytes.push_codec, x.bytes.pull_codec);
  text += fmt::format("restarts: {} of workers, {} of shards, {} of feeders{}\n", x.restarts.worker,
                      x.restarts.shard, x.restarts.feeder,
                      x.recovery_ms.p50
                          ? fmt::format(", back after {:.0f} ms (p50)", *x.recovery_ms.p50)
                          : std::string());
  if (!x.given_up.empty())
    text += fmt::format("given up, because they died too often: {}\n", fmt::join(x.given_up, ", "));
  if (!x.joined.empty())
    text += fmt::format("joined while it ran: {}\n", fmt::join(x.joined, ", "));
  if (!x.left.empty()) text += fmt::format("left while it ran: {}\n", fmt::join(x.left, ", "));
  for (const auto& each : x.switches)
    text += fmt::format("policy: {} from clock {} on ({} samples, {:.1f} s)\n", each.to, each.clock,
                        each.samples, each.seconds);
  if (x.checkpoints > 0) text += fmt::format("checkpoints: {} kept\n", x.checkpoints);
  if (!x.injected.empty()) text += fmt::format("emulated: times are injected: {}\n", x.injected);
  for (const auto& each : x.advice) text += fmt::format("advice: {}\n", each);
  if (!folder.empty()) text += fmt::format("run: {}\n", folder);
  return text;
}

} // namespace lagrange::runtime
