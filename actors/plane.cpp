#include "actors/plane.hpp"

#include "actors/dialect.hpp"

#include <caf/actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

namespace lagrange::actors {

using namespace runtime;

namespace {

template <class Message>
void hand_on(const caf::weak_actor_ptr& to, Message what) {
  if (const auto actor = caf::actor_cast<caf::actor>(to.lock()))
    caf::anon_send(actor, std::move(what));
}

} // namespace

void relay::on_frame(transport::link_id from, transport::frame what) {
  if (port_ != nullptr) return port_->on_frame(from, std::move(what));
  hand_on(to_, arrival{from, std::make_shared<const transport::frame>(std::move(what))});
}

void relay::on_down(transport::link_id gone, const error& why) {
  if (port_ != nullptr) return port_->on_down(gone, why);
  hand_on(to_, link_loss{gone, why});
}

void relay::on_quiet() {
  if (port_ != nullptr) port_->on_quiet();
}

std::unique_ptr<plane_seat> take_seat(const plane_maker& open, const plane_needs& needs) {
  auto made = std::make_unique<plane_seat>();
  auto plane = open(made->receives, needs);
  if (!plane) throw ops::device_error("no endpoint on the tensor plane: " + plane.error().text);
  made->plane = std::move(plane).value();
  return made;
}

void report_loss(const supervisor_actor& supervisor, const stamp& who, const actor_life& peer,
                 const error& why) {
  actor_loss loss{
      peer, "was lost by " + to_string(who.name) + ": " + why.text, {who.name, who.life}};
  if (why.code == errc::peer_gone)
    caf::delayed_anon_send(supervisor, process_end_grace, std::move(loss));
  else
    caf::anon_send(supervisor, std::move(loss));
}

} // namespace lagrange::actors
