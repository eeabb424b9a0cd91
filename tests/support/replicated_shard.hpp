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
  replicated_shard(trial_kind kind, std::uint32_t seed, bool has_replica = true)
      : kind_(std::move(kind)), draw_(seed),
        meeting_(seed + 1,
                 [this](const runtime::transport::crossing& what, std::function<void()> deliver) {
                   links_[{what.from, what.to}].push_back(std::move(deliver));
                 }),
        codec_(trial_kind::codec_of(kind_.codec)),
        has_rounds_(policy_of(kind_.policy)->arrivals() == runtime::arrival::round) {
    shard_ = open(primary_, {1});
    if (has_replica) shard_->port->use_replica(link_of_new(), who_);
    for (std::uint32_t i = 0; i < trial_kind::workers; ++i) {
      workers_[i].index = i;
      connect(workers_[i], *shard_);
    }
  }

  void run(int events) {
    for (int i = 0; i < events; ++i) {
      auto& worker = workers_[draw_() % workers_.size()];
      if (draw_() % 2 == 0 || !act(worker)) deliver_one();
    }
  }
  /// A replica begins in the middle of the shard's work; any other one is gone.
  void fill() {
    shard_->port->drop_replica(who_);
    if (replica_) cut_links_of(replica_->plane->where().number);
    who_.life = who_.life.next();
    follows_ = false;
    shard_->port->fill_replica(link_of_new(), who_);
  }
  bool follows() const { return follows_; }
  /// Kills the shard; of what it had sent to its replica some arrives. The replica goes on.
  void fail_over() {
    const auto gone = shard_->plane->where().number;
    const auto heir = replica_->plane->where().number;
    auto under_way = std::exchange(links_[{gone, heir}], {});
    shard_.reset(); // before anything of it counts
    for (auto left = draw_() % (under_way.size() + 1); left > 0; --left) {
      under_way.front()();
      under_way.pop_front();
    }
    cut_links_of(gone);
    promote();
  }
  /// All that workers have begun is brought to its end.
  void finish() {
    for (int i = 0; i < 4000; ++i) {
      bool is_busy = false;
      for (auto& each : workers_) hear(each);
      for (auto& each : workers_)
        if (has_begun(each)) {
          act(each);
          is_busy = true;
        }
      if (!deliver_one() && !is_busy) return;
    }
    FAIL("what workers have begun does not end");
  }

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
  std::size_t entered_at_most() {
    return live().report().entered + (has_rounds_ ? trial_kind::workers : 0);
  }
  std::size_t acknowledged() const { return acknowledged_.size(); }
  runtime::shard_version told() const {
    return told_;
  } ///< the highest version that anybody heard of

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

  runtime::transport::link_id link_of_new() {
    replica_ = open(second_, {0});
    return shard_->plane->connect(replica_->plane->where()).value();
  }
  void cut_links_of(std::uint64_t end) {
    std::erase_if(links_, [&](const auto& each) {
      return each.first.first == end || each.first.second == end;
    });
  }
  /// Whatever is unanswered.
  void ask_again() {
    for (auto& each : workers_) {
      each.is_pulling = false;
      if (each.sent) each.peer->send(*each.sent);
    }
  }
  std::unique_ptr<seat> open(written& to, runtime::incarnation life) {
    auto made = std::make_unique<seat>();
    auto options = kind_.shard();
    options.self.life = life;
    runtime::shard_hooks hooks;
    hooks.now = [] { return at(std::chrono::milliseconds(1)); };
    hooks.journal = life.value > 0 ? writing(to, *made) : runtime::journal_sink();
    auto* at = made.get();
    hooks.settle = [this, at](const runtime::settlement& news) {
      for (const auto& each : news.leases) settled_.insert(each.what);
      todo_.push_back([at, news] { at->port->on_settlement_ack({news.from, news.sequence}); });
      owner_.push_back(at);
    };
    hooks.ask = [this, at](const runtime::round_request& asked) {
      todo_.push_back([this, at, asked] { close_round(*at, asked); });
      owner_.push_back(at);
    };
    hooks.switched = [](const runtime::switch_ack&) {};
    hooks.lose = [](runtime::actor_life, const runtime::error&) {};
    hooks.fail = [](const runtime::error& why) { FAIL(why.text); };
    hooks.replicated = [this](const runtime::actor_life& who) { follows_ = who == who_; };
    hooks.refilling = [this] {
      todo_.push_back([this] { ask_again(); }); // they hear of it by and by
      owner_.push_back(shard_.get());
    };
    made->port.emplace(std::move(options), std::move(hooks));
    made->plane = meeting_.open(*made);
    made->port->attach(*made->plane);
    return made;
  }
  runtime::journal_sink writing(written& to, const seat& by) {
    return [&to, &by](runtime::shard_id, std::span<const runtime::journal_entry> entries) {
      to.entries.insert(to.entries.end(), entries.begin(), entries.end());
      const auto held = by.port->twin().parameters().values();
      to.parameters[to.entries.size()] = {held.begin(), held.end()};
      return runtime::result<void>(runtime::success());
    };
  }
  void promote() {
    auto self = stamp_of(runtime::actor_role::shard);
    self.life = {2};
    const auto done = replica_->port->promote(self, [this](std::uint64_t records) {
      begun_at_ = records;
      return runtime::result<runtime::journal_sink>(writing(second_, *replica_));
    });
    REQUIRE(done.has_value());
    const auto held = replica_->port->twin().parameters().values();
    second_.parameters[second_.entries.size()] = {held.begin(), held.end()};
    for (auto& each : workers_) connect(each, *replica_);
    ask_again();
  }
  void connect(worker& own, const seat& to) {
    own.peer = std::make_unique<plane_peer>(meeting_, to.plane->where());
  }

  bool deliver_one() {
    std::vector<std::deque<std::function<void()>>*> ready;
    for (auto& [ends, queue] : links_)
      if (!queue.empty()) ready.push_back(&queue);
    const auto choice = draw_() % (ready.size() + 1);
    if (choice == ready.size()) return do_one() || (!ready.empty() && deliver(*ready.front()));
    return deliver(*ready[choice]);
  }
  static bool deliver(std::deque<std::function<void()>>& from) {
    const auto next = std::move(from.front());
    from.pop_front();
    next();
    return true;
  }
  /// Of the feeder's answers.
  bool do_one() {
    if (todo_.empty()) return false;
    const auto next = std::move(todo_.front());
    const auto* whose = owner_.front();
    todo_.pop_front();
    owner_.pop_front();
    if (whose == shard_.get() || whose == replica_.get()) next();
    return true;
  }
  /// Once every lease of it is in.
  void close_round(seat& asking, const runtime::round_request& asked) {
    runtime::round_closing closing{stamp_of(runtime::actor_role::feeder), asked.round, {}, {}};
    for (std::uint64_t i = 0; i < workers_.size(); ++i)
      closing.members.push_back({asked.round * workers_.size() + i});
    const bool is_in = std::ranges::all_of(
        closing.members, [&](runtime::lease_id each) { return settled_.contains(each); });
    if (is_in) return asking.port->on_closing(closing);
    asking.port->ask_again();
  }

  std::uint64_t last_clock() const {
    std::uint64_t last = 0;
    for (const auto& each : workers_) last = std::max(last, each.clock);
    return last;
  }
  bool has_begun(const worker& own) const {
    return own.is_pulling || own.sent || own.clock < last_clock();
  }
  bool act(worker& own) {
    hear(own);
    if (own.sent || own.is_pulling) return false;
    if (!own.read) {
      own.peer->send(pull_of(worker_stamp(own.index), own.clock));
      return own.is_pulling = true;
    }
    own.sent = drawn_push(own);
    own.peer->send(*own.sent);
    return true;
  }
  void hear(worker& own) {
    for (; !own.peer->frames.empty(); own.peer->frames.erase(own.peer->frames.begin())) {
      const auto& frame = own.peer->frames.front();
      if (runtime::kind_of(frame) == runtime::frame_kind::pull_reply) {
        if (!own.is_pulling) continue; // an answer to what was asked twice
        own.read = runtime::decode<runtime::pull_reply>(frame).value().version;
        told_ = std::max(told_, *own.read);
        own.is_pulling = false;
      } else if (runtime::kind_of(frame) == runtime::frame_kind::push_ack) {
        const auto ack = runtime::decode<runtime::push_ack>(frame).value();
        told_ = std::max(told_, ack.version);
        if (!own.sent || ack.what != own.sent->what.id) continue;
        CHECK(ack.outcome == runtime::push_outcome::taken);
        CHECK(acknowledged_.insert(ack.what).second);
        own.sent.reset();
        own.read.reset();
        ++own.clock;
      } else {
        const auto why = runtime::decode<runtime::rejection>(frame).value().why;
        if (why.code != runtime::errc::timed_out) FAIL(why.text); // a replica begins
      }
    }
  }
  runtime::gradient_push drawn_push(const worker& own) {
    const auto lease = has_rounds_ ? own.clock * workers_.size() + own.index : next_lease_++;
    auto made = push_of(worker_stamp(own.index), own.clock, lease);
    if (has_rounds_) made.what.round = own.clock;
    if (has_rounds_) made.what.round_size = static_cast<std::uint32_t>(workers_.size());
    made.read = *own.read;
    std::vector<float> drawn(trial_kind::elements);
    for (auto& x : drawn) x = std::uniform_real_distribution<float>(-1, 1)(draw_);
    made.gradient = tensor_of(drawn);
    if (codec_) {
      ops::tensor room(ops::dtype::u8,
                       {static_cast<std::int64_t>(codec_->bytes_max(trial_kind::elements))});
      const auto bytes = codec_->encode(made.gradient.values<float>(), draw_(),
                                        std::as_writable_bytes(room.values<std::uint8_t>()));
      made.gradient = room.slice(0, static_cast<std::int64_t>(bytes));
      made.how = {codec_->name(), trial_kind::elements};
    }
    return made;
  }

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
