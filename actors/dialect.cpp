#include "actors/dialect.hpp"

#include <caf/atom.hpp>
#include <caf/deep_to_string.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace lagrange::actors {

namespace {
constexpr auto category = caf::atom("lagrange");
} // namespace

caf::error to_caf(const runtime::error& x) {
  return {static_cast<std::uint8_t>(x.code), category, caf::make_message(x.text)};
}

runtime::error from_caf(const caf::error& x) {
  if (x.category() == category && x.context().match_elements<std::string>())
    return {static_cast<runtime::errc>(x.code()), x.context().get_as<std::string>(0)};
  if (x == caf::sec::request_timeout) return {runtime::errc::timed_out, "no answer in time"};
  return {runtime::errc::peer_gone, caf::to_string(x)};
}

caf::error from_exception(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& x) {
    return to_caf({runtime::errc::job_failed, x.what()});
  } catch (...) {
    return to_caf({runtime::errc::job_failed, "an exception that is no std::exception"});
  }
}

std::string cause_of(const caf::error& reason) {
  if (!reason || reason == caf::exit_reason::normal) return "ended";
  if (reason == caf::exit_reason::kill) return "was killed";
  if (reason == caf::exit_reason::remote_link_unreachable ||
      reason == caf::sec::disconnect_during_handshake)
    return "closed its connection";
  return "failed: " + from_caf(reason).text;
}

} // namespace lagrange::actors
