/// \file
/// The order `drain NODE` to a running job: each is answered once its worker has left.
#pragma once

#include "apps/control_socket.hpp"
#include "apps/running_term.hpp"
#include "runtime/status.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lagrange::apps {

class drain_orders {
public:
  /// Begins a drain, or answers why not. Requires: an order {"drain", NODE}.
  void obey(const control_order& order, running_term& term, control_socket& control);
  /// Answers those whose workers have left.
  void look(const runtime::job_status& status, control_socket& control);
  /// Answers all that wait: the term is over.
  void refuse_all(const std::string& why, control_socket& control);

private:
  std::vector<std::pair<control_order, runtime::actor_life>> waiting_;
};

} // namespace lagrange::apps
