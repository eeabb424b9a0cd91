#include "runtime/cut_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

result<term_start> start_of(const cut_manifest& cut, const std::filesystem::path& checkpoints,
                            std::uint32_t shards) {
  term_start made{checkpoints.string(), cut.cut, cut.term, {}, {}};
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    const auto* part = cut.find(checkpoint_store::file_of(shard_id{shard}));
    if (part == nullptr)
      return failure(errc::bad_file, fmt::format("checkpoint {} has no part of shard-{}, and the "
                                                 "job has {} shards",
                                                 cut.cut.value, shard, shards));
    made.records.push_back(part->records);
  }
  for (const auto& [name, life] : cut.lives) {
    if (name.role != actor_role::worker) continue;
    made.lives.resize(std::max<std::size_t>(made.lives.size(), name.index + 1), {1});
    made.lives[name.index] = life.next();
  }
  return made;
}

} // namespace

result<found_start> find_start(file_system& disk, const std::filesystem::path& checkpoints,
                               std::uint32_t shards) {
  const checkpoint_store store(disk, checkpoints);
  BOOST_OUTCOME_TRY(next, store.next_number());
  BOOST_OUTCOME_TRY(newest, store.newest_whole());
  found_start made{{}, {next.value - 1}, std::move(newest.newest), std::move(newest.passed_over)};
  if (!made.cut) return made;
  BOOST_OUTCOME_TRY(start, start_of(*made.cut, checkpoints, shards));
  made.start = std::move(start);
  return made;
}

result<cut_reader> cut_reader::open(file_system& disk, const term_start& from) {
  checkpoint_store store(disk, from.checkpoints);
  BOOST_OUTCOME_TRY(manifest, store.read_manifest(from.cut));
  return cut_reader(std::move(store), std::move(manifest));
}

result<std::shared_ptr<const shard_state>> cut_reader::shard(shard_id id) const {
  BOOST_OUTCOME_TRY(state, store_.read(manifest_, id));
  return std::make_shared<const shard_state>(std::move(state));
}

result<std::shared_ptr<const feeder_past>>
cut_reader::feeder(const feeder_options& dealt, std::map<lease_id, std::uint32_t> batches) const {
  std::vector<std::shared_ptr<const shard_state>> states;
  for (std::uint32_t index = 0; index < dealt.shards; ++index) {
    BOOST_OUTCOME_TRY(state, shard({index}));
    states.push_back(std::move(state));
  }
  BOOST_OUTCOME_TRY(past, make_past(dealt, states, std::move(batches)));
  return std::make_shared<const feeder_past>(std::move(past));
}

result<std::vector<std::byte>> cut_reader::unsent(worker_id worker) const {
  if (manifest_.find(checkpoint_store::file_of(worker)) == nullptr) return std::vector<std::byte>();
  BOOST_OUTCOME_TRY(state, store_.read(manifest_, worker));
  const auto bytes = std::as_bytes(std::as_const(state.memory).values<std::uint8_t>());
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

unsent_source unsent_at(std::shared_ptr<file_system> disk, const term_start& start) {
  if (!start.is_of_a_cut()) return nullptr;
  return [disk = std::move(disk), start](worker_id worker) {
    const auto cut = cut_reader::open(*disk, start);
    if (!cut) throw ops::device_error(cut.error().text);
    auto found = cut.value().unsent(worker);
    if (!found) throw ops::device_error(found.error().text);
    return std::move(found).value();
  };
}

} // namespace lagrange::runtime
