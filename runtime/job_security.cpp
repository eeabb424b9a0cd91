#include "runtime/job_security.hpp"

#include <fmt/format.h>

namespace lagrange::runtime {

namespace {

struct tls_key {
  std::string_view key;
  std::string job::security_table::*at;
};
constexpr tls_key tls_keys[] = {
    {"security.certificate", &job::security_table::certificate},
    {"security.key", &job::security_table::key},
    {"security.authority", &job::security_table::authority},
};

std::string find_missing_files(const job& x) {
  std::string missing;
  for (const auto& each : tls_keys)
    if ((x.security.*each.at).empty())
      missing += (missing.empty() ? "" : " and ") + std::string(each.key);
  return missing;
}

/// Whoever names a certificate means to be encrypted.
std::string refuse_unused_files(const job& x) {
  std::string text;
  for (const auto& each : tls_keys)
    if (!(x.security.*each.at).empty())
      text += (text.empty() ? "" : "\n") +
              key_error(x, each.key, "not used, expected security.tls = true beside it");
  return text;
}

result<std::optional<transport::tls_files>> read_tls(const job& x) {
  const auto& [is_on, certificate, key, authority, token] = x.security;
  if (!is_on) {
    if (const auto unused = refuse_unused_files(x); !unused.empty())
      return failure(errc::bad_argument, unused);
    return std::optional<transport::tls_files>();
  }
  const auto refuse = [&](std::string_view why) {
    return failure(errc::bad_argument, key_error(x, "security.tls", why));
  };
  if (const auto missing = find_missing_files(x); !missing.empty())
    return refuse(fmt::format("without certificates everybody would be trusted: set {}", missing));
  const transport::tls_files files{certificate, key, authority};
  if (const auto checked = transport::check_tls(files); !checked)
    return refuse(checked.error().text);
  return std::optional(files);
}

result<transport::job_token> read_or_draw_token(const job& x) {
  if (x.security.token_file.empty()) return transport::draw_token();
  const auto token = transport::read_token(x.security.token_file);
  if (token) return token.value();
  return failure(errc::bad_argument, key_error(x, "security.token_file", token.error().text));
}

} // namespace

result<transport::security> read_security(const job& x) {
  const auto tls = read_tls(x);
  const auto token = read_or_draw_token(x);
  if (tls && token) return transport::security{token.value(), tls.value()};
  std::string text;
  if (!tls) text = tls.error().text;
  if (!token) text += (text.empty() ? "" : "\n") + token.error().text;
  return failure(errc::bad_argument, text);
}

} // namespace lagrange::runtime
