/// \file
/// A shard with a replica under workers by seed: whatever crosses a link arrives in order, links
/// among each other in any order, and the shard may be killed at any moment.
#pragma once

#include "runtime/shard_port.hpp"
#include "tests/support/plane_peer.hpp"
#include "tests/support/shard_trial.hpp"

#include <deque>
#include <functional>
#include <set>

namespace lagrange::tests {

class replicated_shard {
public:
  using values = std::vector<float>;

  /// With a replica that begins as the shard does, or later, with fill().
  replicated_shard(trial_kind kind, std::uint32_t seed, bool has_replica = true);

  void run(int events);
  /// A replica begins in the middle of the shard's work; any other one is gone.
  void fill();
  bool follows() const { return follows_; }
  /// Kills the shard; of what it had sent to its replica some arrives. The replica goes on.
  void fail_over();
  /// All that workers have begun is brought to its end.
  void finish();

  runtime::shard_port& live() { return shard_ ? *shard_->port : *replica_->port; }
  /// What was written by the shard, and by the replica in its place.
  struct written {
    std::vector<runtime::journal_entry> entries;
    std::map<std::size_t, values> parameters; ///< by number of entries
  };
  const written& primary() const { return primary_; }
  const written& second() const { return second_; }
  std::size_t begun_at() const { return begun_at_; }
  /// With those that may be kept for the round that is open.
  std::size_t entered_at_most();
  std::size_t acknowledged() const { return acknowledged_.size(); }
  /// The highest version that anybody heard of.
  runtime::shard_version told() const { return told_; }

private:
  struct seat final : runtime::transport::receiver {
    void on_frame(runtime::transport::link_id from, runtime::transport::frame what) override {
      port->on_frame(from, std::move(what));
    }
    void on_down(runtime::transport::link_id gone, const runtime::error& why) override {
      port->on_down(gone, why);
    }
    std::optional<runtime::shard_port> port;
    std::unique_ptr<runtime::transport::endpoint> plane;
  };
  struct worker {
    std::uint32_t index = 0;
    std::uint64_t clock = 0;
    bool is_pulling = false;
    std::optional<runtime::shard_version> read{};
    std::optional<runtime::gradient_push> sent{};
    std::unique_ptr<plane_peer> peer{};
  };

  runtime::transport::link_id link_of_new();
  void cut_links_of(std::uint64_t end);
  /// Whatever is unanswered.
  void ask_again();
  std::unique_ptr<seat> open(written& to, runtime::incarnation life);
  runtime::journal_sink writing(written& to, const seat& by);
  void promote();
  void connect(worker& own, const seat& to);

  bool deliver_one();
  static bool deliver(std::deque<std::function<void()>>& from);
  /// Of the feeder's answers.
  bool do_one();
  /// Once every lease of it is in.
  void close_round(seat& asking, const runtime::round_request& asked);

  std::uint64_t last_clock() const;
  bool has_begun(const worker& own) const;
  bool act(worker& own);
  void hear(worker& own);
  runtime::gradient_push drawn_push(const worker& own);

  trial_kind kind_;
  std::mt19937 draw_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::deque<std::function<void()>>> links_;
  runtime::transport::hub meeting_;
  std::unique_ptr<runtime::codec> codec_;
  bool has_rounds_;
  written primary_, second_;
  std::size_t begun_at_ = 0;
  std::deque<std::function<void()>> todo_; ///< with whose it is
  std::deque<const seat*> owner_;
  std::set<runtime::lease_id> settled_, acknowledged_;
  runtime::shard_version told_;
  std::uint64_t next_lease_ = 0;
  std::unique_ptr<seat> shard_, replica_;
  runtime::actor_life who_{{runtime::actor_role::replica, 0}, {1}};
  bool follows_ = false;
  std::array<worker, trial_kind::workers> workers_{};
};

} // namespace lagrange::tests
