#include "apps/left_nodes.hpp"

#include "apps/left_behind.hpp"
#include "apps/process.hpp"
#include "apps/run_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace lagrange::apps {

namespace fs = std::filesystem;
using namespace runtime;

namespace {

constexpr std::string_view nodes_file = "nodes.log";

/// A name as in "worker-2".
std::optional<actor_name> parse(const std::string& text) {
  const auto dash = text.rfind('-');
  if (dash == text.npos) return std::nullopt;
  actor_name made;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data() + dash + 1, end, made.index);
  if (problem != std::errc{} || stop != end) return std::nullopt;
  for (const auto role :
       {actor_role::worker, actor_role::shard, actor_role::feeder, actor_role::replica}) {
    made.role = role;
    if (to_string(made) == text) return made;
  }
  return std::nullopt;
}

/// Instead of a name: a switch of the policy.
constexpr std::string_view switched_word = "switched";

/// The newest term's lines; one that is no such line was being written when its writer died.
std::vector<left_nodes::node> read_lines(const fs::path& run, left_nodes& out) {
  std::vector<left_nodes::node> made;
  std::ifstream file(run / nodes_file);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    left_nodes::node node;
    supervisor_term of;
    if (!(words >> of.value >> name) || of < out.term) continue;
    if (of > out.term) {
      made.clear();
      out.is_switched = false;
      out.term = of;
    }
    out.is_switched |= name == switched_word;
    const auto parsed = parse(name);
    if (!parsed || !(words >> node.who.life.value >> node.pid)) continue;
    node.who.name = *parsed;
    made.push_back(node);
  }
  return made;
}

result<void> append(const fs::path& run, const std::string& line) {
  std::ofstream file(run / nodes_file, std::ios::app);
  file << line;
  file.flush();
  if (file) return success();
  return failure(errc::bad_file, "cannot write " + (run / nodes_file).string());
}

/// Nodes have it as their stdin, and nobody else could read it.
std::optional<transport::job_token> token_of(pid_t process) {
  const auto found = transport::read_token(fmt::format("/proc/{}/fd/0", process));
  return found ? std::optional(found.value()) : std::nullopt;
}

} // namespace

result<void> note_launch(const fs::path& run, supervisor_term term, const left_nodes::node& node) {
  return append(run, fmt::format("{} {} {} {}\n", term.value, to_string(node.who.name),
                                 node.who.life.value, node.pid));
}

result<void> note_switch(const fs::path& run, supervisor_term term) {
  return append(run, fmt::format("{} {}\n", term.value, switched_word));
}

bool is_node_in(pid_t process, const fs::path& run, const actor_name& name) {
  const auto words = arguments_of(process);
  const auto value_of = [&](std::string_view flag) {
    const auto at = std::ranges::find(words, flag);
    return at == words.end() || at + 1 == words.end() ? std::string() : *(at + 1);
  };
  std::error_code wrong;
  return value_of("--name") == to_string(name) && fs::equivalent(value_of("--run"), run, wrong);
}

left_nodes find_left_nodes(const fs::path& run) {
  left_nodes made;
  for (const auto& each : read_lines(run, made)) {
    auto& life = made.lives[each.who.name];
    life = std::max(life, each.who.life);
    if (!is_node_in(each.pid, run, each.who.name)) continue;
    made.living.push_back(each);
    if (!made.token) made.token = token_of(each.pid);
  }
  return made;
}

std::string no_adoption_because(const left_nodes& left, const fs::path& run, const job& what,
                                const std::string& job_text) {
  const auto lives = [&](actor_role role, std::uint32_t index) {
    return std::ranges::any_of(left.living, [&](const left_nodes::node& each) {
      return each.who.name == actor_name{role, index};
    });
  };
  if (!lives(actor_role::feeder, 0)) return "feeder-0 is gone";
  for (std::uint32_t shard = 0; shard < what.topology.shards; ++shard)
    if (!lives(actor_role::shard, shard) &&
        !lives(actor_role::replica, shard)) // it may be promoted
      return fmt::format("shard-{} is gone", shard);
  if (left.is_switched || !what.staleness.switches.empty())
    return "its policy was switched, or may have been just then";
  if (what.topology.places() > what.topology.workers)
    return "nodes may have joined it, and those are known to nobody else";
  if (!left.token) return "the token that they know cannot be read";
  const auto before = read_run_file(run / fmt::format("term-{}", left.term.value));
  if (!before || before.value() != job_text) return "the config is another one now";
  return {};
}

bool end_left_nodes(const left_nodes& left, const fs::path& run,
                    std::chrono::milliseconds patience) {
  process_group group([](const process_end&) {});
  for (const auto& each : left.living)
    group.adopt(each.pid, [&] { return is_node_in(each.pid, run, each.who.name); });
  return group.kill_all(patience);
}

} // namespace lagrange::apps
