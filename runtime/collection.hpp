/// \file
/// Getting together what the shards of a job hold: every shard's parameters, and rows of the
/// tables, in pieces that fit frames, each shard at its own pace. It decides what to ask for;
/// whoever owns the links asks. For evaluations, which need few rows, and for the end of a job,
/// which needs all.
///
/// Invariants: BP-1 (a piece of each shard is under way at a time; values are held once).
#pragma once

#include "runtime/staleness/policy.hpp"
#include "runtime/table_split.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace lagrange::runtime {

/// Which rows of every table.
struct wanted_rows {
  enum class kind_type : std::uint8_t { all = 0, listed };
  kind_type kind = kind_type::all;
  std::vector<std::vector<std::int32_t>> rows; ///< listed: by table, ascending, each once
};

/// What came together.
struct gathered_parameters {
  std::vector<std::shared_ptr<const pull_reply>> shards; ///< without rows, by shard
  std::vector<ops::tensor> tables;                       ///< f32 [rows wanted * width], by table
  bool empty() const { return shards.empty(); }
};

struct collection_options {
  stamp self;
  std::uint64_t number = 0; ///< tells the answers of one collection from those of another
  std::shared_ptr<const wanted_rows> rows;        ///< null: none
  std::size_t piece_bytes = std::size_t{2} << 20; ///< of values, from one shard, about
  std::chrono::milliseconds retry_after{1000};
};

class collection {
public:
  using requests = std::vector<std::pair<shard_id, snapshot_request>>;

  collection(collection_options options, const table_split& split);

  requests start(time_point now);
  /// An answer of a shard; one that is late or of another collection changes nothing.
  /// Errors: bad_frame, if it is none to what was asked.
  result<requests> on_reply(shard_id shard, pull_reply reply, time_point now);
  /// What was not answered is asked again.
  requests on_tick(time_point now);

  bool is_whole() const { return open_ == 0; }
  /// Requires: is_whole().
  gathered_parameters take() { return std::move(found_); }

private:
  /// Rows [first, first + count) of those wanted of a table.
  struct piece {
    std::size_t table = 0;
    std::int64_t first = 0, count = 0;
  };
  struct asked_shard {
    std::size_t next = 0; ///< 0: the parameters, then the pieces
    time_point asked;
  };
  void cut();
  std::uint64_t sequence(std::size_t next) const { return options_.number << 32 | next; }
  snapshot_request request(shard_id shard);
  void find_rows(const piece& of);
  void put(shard_id shard, const piece& of, const ops::tensor& rows);

  collection_options options_;
  table_split split_;
  std::vector<piece> pieces_;
  std::vector<asked_shard> shards_;
  std::size_t open_ = 0; ///< shards that have not answered all
  gathered_parameters found_;
  std::vector<std::vector<std::int32_t>> rows_; ///< of a piece, by table
};

} // namespace lagrange::runtime
