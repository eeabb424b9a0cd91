/// \file
/// The worker's end of the tensor plane: what its feeder and shards send becomes calls of the twin,
/// and what the twin wants sent becomes frames. It owns the twin; the actor calls it.
#pragma once

#include "runtime/transport/endpoint.hpp"
#include "runtime/worker.hpp"

#include <vector>

namespace lagrange::runtime {

/// The links of a worker.
struct worker_links {
  transport::link_id feeder;
  std::vector<transport::link_id> shards; ///< by number
};

class worker_port {
public:
  explicit worker_port(const worker_options& options)
      : twin_(options), compresses_(options.compresses) {}

  /// Before anything else. Requires: a plane that ends before this.
  void attach(transport::endpoint& plane, worker_links links) {
    plane_ = &plane;
    links_ = std::move(links);
  }

  /// What is left to do after whatever was to be sent has been sent: compute, wake, report.
  /// Errors: fenced, when this incarnation is refused for good; bad_frame, when the peer sent what
  /// is no frame.
  result<worker_effects> on_frame(transport::link_id from, const transport::frame& what,
                                  time_point now);
  worker_effects start(time_point now) { return sent(twin_.start(now)); }
  worker_effects on_part(const early_part& part, time_point now) {
    return sent(twin_.on_part(part, now));
  }
  worker_effects on_computed(const step_result& result, time_point now) {
    return sent(twin_.on_computed(result, now));
  }
  worker_effects on_wake(time_point now) { return sent(twin_.on_wake(now)); }
  /// The shard goes on at the other end of that link.
  worker_effects on_shard_moved(shard_id shard, transport::link_id link, time_point now) {
    links_.shards[shard.value] = link;
    return sent(twin_.on_shard_moved(shard, now));
  }
  worker_effects on_tick(time_point now) { return sent(twin_.on_tick(now)); }

  const worker& twin() const { return twin_; }
  const worker_links& links() const { return links_; }

private:
  worker_effects sent(worker_effects effects);

  worker twin_;
  bool compresses_;
  transport::endpoint* plane_ = nullptr;
  worker_links links_;
};

} // namespace lagrange::runtime
