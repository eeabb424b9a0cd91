#include "apps/planes.hpp"

#include "runtime/transport/byte_endpoint.hpp"
#include "runtime/transport/in_process.hpp"
#include "runtime/transport/shaped_in_process.hpp"

#include <cstring>
#include <thread>

namespace lagrange::apps {

using namespace runtime;

namespace {

/// With a core for every actor and one to spare, an endpoint may look for more before it sleeps.
constexpr std::chrono::microseconds spin_with_cores_to_spare{50};

result<std::unique_ptr<transport::endpoint>> open_bytes(transport::receiver& owner,
                                                        const plane_needs& needs,
                                                        const transport::security& with,
                                                        const std::string& ip) {
  transport::byte_options made;
  made.ways = needs.transport == "shm"   ? transport::byte_ways::shared_memory
              : needs.transport == "tcp" ? transport::byte_ways::tcp
                                         : transport::byte_ways::both;
  made.ip = ip;
  made.with = with;
  made.credit_bytes = needs.credit_bytes;
  made.arena_bytes = needs.arena_bytes;
  made.shape = needs.shape;
  if (std::thread::hardware_concurrency() > needs.actors) made.spin = spin_with_cores_to_spare;
  return transport::make_byte_endpoint(std::move(made), owner);
}

} // namespace

actors::plane_maker planes_of_host(const transport::security& with, std::string ip) {
  return [with, ip = std::move(ip)](transport::receiver& owner, const plane_needs& needs) {
    return open_bytes(owner, needs, with, ip);
  };
}

actors::plane_maker planes_of_process(const transport::security& with) {
  const auto random = transport::draw_token();
  std::uint64_t id = 0;
  std::memcpy(&id, random.data(), sizeof id);
  const auto meeting = std::make_shared<transport::hub>(id | 1);
  return [with, meeting](transport::receiver& owner,
                         const plane_needs& needs) -> result<std::unique_ptr<transport::endpoint>> {
    if (needs.transport == "shm" || needs.transport == "tcp")
      return open_bytes(owner, needs, with, "127.0.0.1");
    if (!needs.shape.empty()) return transport::open_shaped(*meeting, owner, needs.shape);
    return meeting->open(owner);
  };
}

} // namespace lagrange::apps
