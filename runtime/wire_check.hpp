/// \file
/// What makes a message one that may travel, whichever bytes carried it: the rules that
/// messages.hpp states in words. Senders are held to them as a contract, receivers refuse what
/// breaks them.
#pragma once

#include "runtime/error.hpp"
#include "runtime/messages.hpp"
#include "runtime/shard_input.hpp"

#include <optional>

namespace lagrange::runtime {

/// The first rule that the message breaks, as a bad_frame error; none if it breaks none.
std::optional<error> defect_of(const lease_request& x);
std::optional<error> defect_of(const lease_grant& x);
std::optional<error> defect_of(const pull_request& x);
std::optional<error> defect_of(const pull_reply& x);
std::optional<error> defect_of(const gradient_push& x);
std::optional<error> defect_of(const push_ack& x);
std::optional<error> defect_of(const snapshot_request& x);
std::optional<error> defect_of(const rejection& x);
std::optional<error> defect_of(const shard_input& x);
std::optional<error> defect_of(const input_ack& x);
std::optional<error> defect_of(const filling_piece& x);

} // namespace lagrange::runtime
