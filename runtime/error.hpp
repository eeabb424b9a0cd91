/// \file
/// Expected failures are values: result<T> holds a T or an error that a person can read. Bugs and
/// machine failures are thrown instead: ops/contract.hpp.
#pragma once

#include <utility>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/try.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lagrange::runtime {

/// What kind of thing went wrong, for callers that act on it. People read the text.
enum class errc : std::uint8_t {
  none = 0,
  bad_argument, ///< a flag, key or value the user gave
  bad_file,     ///< missing, unreadable or damaged
  bad_frame,    ///< bytes from a peer that are no valid frame
  fenced,       ///< a message of an older term, view or incarnation
  peer_gone,    ///< a peer died or its connection closed
  timed_out,
  job_failed,
  interrupted,
};
std::string_view name(errc code);

/// What happened, where, what was expected and what to do, in `text`.
struct error {
  errc code = errc::none;
  std::string text;
  bool operator==(const error&) const = default;
};

namespace detail {
/// Reading the value of a failed result is a bug and throws contract_error with the error's text.
struct wide_check : BOOST_OUTCOME_V2_NAMESPACE::policy::base {
  static void fail(const error* found);
  template <class Impl>
  static constexpr void wide_value_check(Impl&& self) {
    if (!base::_has_value(std::forward<Impl>(self)))
      fail(&base::_error(self)); // also of a temporary: read before it is gone
  }
  template <class Impl>
  static constexpr void wide_error_check(Impl&& self) {
    if (!base::_has_error(std::forward<Impl>(self))) fail(nullptr);
  }
  template <class Impl>
  static constexpr void wide_exception_check(Impl&&) {}
};
} // namespace detail

/// A T, or the error that kept it from being made.
template <class T>
using result = BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, error, detail::wide_check>;

inline auto failure(errc code, std::string text) {
  return BOOST_OUTCOME_V2_NAMESPACE::failure(error{code, std::move(text)});
}
inline auto success() { return BOOST_OUTCOME_V2_NAMESPACE::success(); }

} // namespace lagrange::runtime
