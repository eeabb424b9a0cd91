/// \file
/// A peer of an actor on the tensor plane, as tests play it: it keeps what it receives.
#pragma once

#include "runtime/transport/in_process.hpp"
#include "runtime/wire.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace lagrange::tests {

class plane_peer final : public runtime::transport::receiver {
public:
  /// A link to whoever is at the address.
  plane_peer(runtime::transport::hub& meeting, const runtime::transport::address& at)
      : plane_(meeting.open(*this)), link_(plane_->connect(at).value()) {}

  void on_frame(runtime::transport::link_id, runtime::transport::frame what) override {
    frames.push_back(std::move(what));
  }
  void on_down(runtime::transport::link_id, const runtime::error& why) override { down = why; }

  template <class Message>
  void send(const Message& what) {
    plane_->send(link_, runtime::encode(what));
  }
  void send(runtime::transport::frame what) { plane_->send(link_, std::move(what)); }

  /// The first frame that came, taken off; none: nothing has come, or something else.
  template <class Message>
  std::optional<Message> take() {
    if (frames.empty()) return std::nullopt;
    auto message = runtime::decode<Message>(frames.front());
    frames.erase(frames.begin());
    if (!message) return std::nullopt;
    return std::move(message).value();
  }

  std::vector<runtime::transport::frame> frames;
  std::optional<runtime::error> down;

private:
  std::unique_ptr<runtime::transport::endpoint> plane_;
  runtime::transport::link_id link_;
};

} // namespace lagrange::tests
