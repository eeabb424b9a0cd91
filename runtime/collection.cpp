#include "runtime/collection.hpp"

#include <algorithm>
#include <numeric>

namespace lagrange::runtime {

namespace {
/// All of a piece may be one shard's; then it still has to fit a frame.
constexpr std::size_t piece_bytes_max = std::size_t{64} << 20;
} // namespace

collection::collection(collection_options options, const table_split& split)
    : options_(std::move(options)), split_(split), shards_(split.shards()), open_(split.shards()),
      rows_(split.tables().size()) {
  found_.shards.resize(split.shards());
  if (options_.rows) cut();
}

void collection::cut() {
  const auto& wanted = *options_.rows;
  for (std::size_t table = 0; table < split_.tables().size(); ++table) {
    const auto& shape = split_.tables()[table];
    const auto rows =
        wanted.kind == wanted_rows::kind_type::all ? shape.rows : std::ssize(wanted.rows[table]);
    const auto row_bytes = static_cast<std::size_t>(shape.width) * sizeof(float);
    const auto bytes = std::min(options_.piece_bytes * split_.shards(), piece_bytes_max);
    const auto length = static_cast<std::int64_t>(std::max<std::size_t>(bytes / row_bytes, 1));
    for (std::int64_t first = 0; first < rows; first += length)
      pieces_.push_back({table, first, std::min(length, rows - first)});
    found_.tables.emplace_back(ops::dtype::f32, ops::shape{rows * shape.width});
  }
}

void collection::find_rows(const piece& of) {
  for (auto& each : rows_) each.clear();
  auto& rows = rows_[of.table];
  if (options_.rows->kind == wanted_rows::kind_type::all) {
    rows.resize(static_cast<std::size_t>(of.count));
    std::iota(rows.begin(), rows.end(), static_cast<std::int32_t>(of.first));
  } else {
    const auto from = options_.rows->rows[of.table].begin() + of.first;
    rows.assign(from, from + of.count);
  }
}

snapshot_request collection::request(shard_id shard) {
  const auto next = shards_[shard.value].next;
  snapshot_request made{options_.self, sequence(next), {}};
  if (next == 0) return made;
  find_rows(pieces_[next - 1]);
  split_.select(rows_, shard, made.rows);
  return made;
}

collection::requests collection::start(time_point now) {
  requests made;
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    shards_[shard].asked = now;
    made.emplace_back(shard_id{shard}, request({shard}));
  }
  return made;
}

result<collection::requests> collection::on_reply(shard_id shard, pull_reply reply,
                                                  time_point now) {
  requests made;
  auto& of = shards_.at(shard.value);
  if (of.next > pieces_.size() || reply.clock.value != sequence(of.next)) return made;
  if (of.next == 0) {
    if (reply.parameters.empty()) return failure(errc::bad_frame, "a snapshot without parameters");
    found_.shards[shard.value] = std::make_shared<const pull_reply>(std::move(reply));
  } else {
    const auto& piece = pieces_[of.next - 1];
    find_rows(piece);
    const auto own = std::ranges::count_if(
        rows_[piece.table], [&](auto row) { return split_.owner(row) == shard.value; });
    const auto wanted = own * split_.tables()[piece.table].width;
    if (reply.rows.empty() || reply.rows.elements() != wanted)
      return failure(errc::bad_frame, "a snapshot of " + std::to_string(own) +
                                          " rows without their " + std::to_string(wanted) +
                                          " values");
    put(shard, piece, reply.rows);
  }
  if (++of.next > pieces_.size()) {
    --open_;
    return made;
  }
  of.asked = now;
  made.emplace_back(shard, request(shard));
  return made;
}

/// Requires: find_rows() for this piece came last.
void collection::put(shard_id shard, const piece& of, const ops::tensor& rows) {
  const auto width = static_cast<std::size_t>(split_.tables()[of.table].width);
  split_.scatter(
      rows_[of.table], shard, rows.values<float>(),
      found_.tables[of.table].values<float>().subspan(static_cast<std::size_t>(of.first) * width,
                                                      static_cast<std::size_t>(of.count) * width));
}

collection::requests collection::on_tick(time_point now) {
  requests made;
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) {
    auto& of = shards_[shard];
    if (of.next > pieces_.size() || now - of.asked < options_.retry_after) continue;
    of.asked = now;
    made.emplace_back(shard_id{shard}, request({shard}));
  }
  return made;
}

} // namespace lagrange::runtime
