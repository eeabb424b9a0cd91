#include "runtime/transport/in_process.hpp"

#include "ops/contract.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace lagrange::runtime::transport {

namespace {

/// The two ends of a link know each other by endpoint and by the other's number of it.
struct far_end {
  std::uint64_t endpoint = 0;
  link_id link;
};

/// An open endpoint as the hub knows it.
struct place {
  receiver* owner = nullptr;
  std::map<link_id, far_end> links;
  link_id next_link{1};
  int calls = 0; ///< of its receiver that are under way
  traffic counted;
};

} // namespace

/// A lock is held only to look links up: a hop to another actor costs a hundred times as much.
struct hub::shared {
  explicit shared(std::uint64_t number, interceptor hook) : id(number), between(std::move(hook)) {}

  /// Calls the receiver of an endpoint that is still open, without the lock.
  template <class Call>
  void call(std::uint64_t number, std::uint64_t bytes, Call what) {
    receiver* owner = nullptr;
    {
      const std::lock_guard lock(mutex);
      const auto found = places.find(number);
      if (found == places.end()) return;
      owner = found->second.owner;
      found->second.counted.received += bytes;
      ++found->second.calls;
    }
    what(*owner);
    const std::lock_guard lock(mutex);
    if (--places.at(number).calls == 0) is_quiet.notify_all();
  }

  const std::uint64_t id;
  const interceptor between;
  std::mutex mutex;
  std::condition_variable is_quiet; ///< some receiver has no call under way
  std::map<std::uint64_t, place> places;
  std::uint64_t next_place = 1;

  class local_endpoint;
};

class hub::shared::local_endpoint final : public endpoint {
public:
  local_endpoint(std::shared_ptr<shared> with, receiver& owner) : shared_(std::move(with)) {
    const std::lock_guard lock(shared_->mutex);
    where_.process = shared_->id;
    where_.number = shared_->next_place++;
    shared_->places[where_.number].owner = &owner;
  }

  ~local_endpoint() override {
    std::map<link_id, far_end> links;
    {
      std::unique_lock lock(shared_->mutex);
      auto& own = shared_->places.at(where_.number);
      shared_->is_quiet.wait(lock, [&] { return own.calls == 0; });
      links = std::move(own.links);
      shared_->places.erase(where_.number);
    }
    for (const auto& [link, far] : links) end(far, {errc::peer_gone, "the peer has closed"});
  }

  const address& where() const override { return where_; }

  result<link_id> connect(const address& peer) override {
    const std::lock_guard lock(shared_->mutex);
    if (peer.process != shared_->id)
      return failure(errc::bad_argument,
                     "no way to the peer: it is in another process, and this endpoint is in none "
                     "but its own");
    const auto found = shared_->places.find(peer.number);
    if (found == shared_->places.end())
      return failure(errc::peer_gone, "no endpoint " + std::to_string(peer.number) +
                                          " in this process: it has closed");
    auto& own = shared_->places.at(where_.number);
    const auto near = std::exchange(own.next_link, own.next_link.next());
    const auto far = std::exchange(found->second.next_link, found->second.next_link.next());
    own.links[near] = {peer.number, far};
    found->second.links[far] = {where_.number, near};
    return near;
  }

  std::uint64_t send(link_id to, frame what) override {
    const auto bytes = what.head.size() * sizeof(std::uint64_t) + what.payload_bytes();
    far_end far;
    {
      const std::lock_guard lock(shared_->mutex);
      auto& own = shared_->places.at(where_.number);
      const auto found = own.links.find(to);
      if (found == own.links.end()) return 0;
      far = found->second;
      own.counted.sent += bytes;
    }
    what.wire_bytes = bytes;
    if (!shared_->between) {
      shared_->call(far.endpoint, bytes,
                    [&](receiver& owner) { owner.on_frame(far.link, std::move(what)); });
    } else {
      const crossing seen{where_.number, far.endpoint, what.first, bytes};
      shared_->between(seen, [with = shared_, far, what = std::move(what)] {
        with->call(far.endpoint, what.wire_bytes,
                   [&](receiver& owner) { owner.on_frame(far.link, what); });
      });
    }
    return bytes;
  }

  void close(link_id gone) override {
    far_end far;
    {
      const std::lock_guard lock(shared_->mutex);
      auto& links = shared_->places.at(where_.number).links;
      const auto found = links.find(gone);
      if (found == links.end()) return;
      far = found->second;
      links.erase(found);
    }
    end(far, {errc::peer_gone, "the peer has closed the link"});
  }

  void post(std::function<void()>) override {
    LAGRANGE_EXPECT(false, "an endpoint without a thread runs nothing by itself");
  }
  bool runs_by_itself() const override { return false; }

  ops::tensor allocate(std::size_t bytes) override {
    return {ops::dtype::u8, {static_cast<std::int64_t>(bytes)}};
  }

  traffic counted() const override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->places.at(where_.number).counted;
  }

private:
  /// Tells the other end, unless it has closed the link itself.
  void end(const far_end& far, const error& why) {
    {
      const std::lock_guard lock(shared_->mutex);
      const auto found = shared_->places.find(far.endpoint);
      if (found == shared_->places.end() || found->second.links.erase(far.link) == 0) return;
    }
    shared_->call(far.endpoint, 0, [&](receiver& owner) { owner.on_down(far.link, why); });
  }

  std::shared_ptr<shared> shared_;
  address where_;
};

hub::hub(std::uint64_t id, interceptor between)
    : shared_(std::make_shared<shared>(id, std::move(between))) {}
hub::~hub() = default;

std::unique_ptr<endpoint> hub::open(receiver& owner) {
  return std::make_unique<shared::local_endpoint>(shared_, owner);
}

} // namespace lagrange::runtime::transport
