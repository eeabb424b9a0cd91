#include "apps/control.hpp"

#include "apps/control_socket.hpp"

#include <fmt/format.h>

#include <iostream>

namespace lagrange {

int control_job(const control_request& request) {
  constexpr std::string_view done = "ok ", refused = "refused ";
  const auto answer = apps::give_order(request.run, request.order);
  if (!answer) {
    std::cerr << "lagrange: " << answer.error().text << "\n";
    return answer.error().code == runtime::errc::peer_gone ? 1 : 2;
  }
  const std::string_view text = answer.value();
  if (text.starts_with(done)) {
    std::cout << text.substr(done.size()) << "\n";
    return 0;
  }
  std::cerr << "lagrange: " << (text.starts_with(refused) ? text.substr(refused.size()) : text)
            << "\n";
  return 2;
}

} // namespace lagrange
