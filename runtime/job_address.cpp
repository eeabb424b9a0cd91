#include "runtime/job_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lagrange::runtime {

namespace {

/// Of a host's name: RFC 1035.
constexpr std::size_t letters_max = 253;
/// Every address of the host: good to listen at, but nobody can connect to it.
constexpr std::array<std::string_view, 4> unspecified{"0.0.0.0", "0", "::", "*"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == ':' || c == '_' || c == '%';
}

} // namespace

std::string listen_problem(std::string_view text) {
  if (std::ranges::find(unspecified, text) != unspecified.end())
    return fmt::format("{} is every address of this host, and others are told where to connect: "
                       "name the one that they reach",
                       text);
  if (text.empty() || text.size() > letters_max || !std::ranges::all_of(text, is_letter))
    return "that is no address and no name of a host";
  if (std::ranges::count(text, ':') == 1)
    return "that has a port, which each process chooses by itself";
  return {};
}

} // namespace lagrange::runtime
