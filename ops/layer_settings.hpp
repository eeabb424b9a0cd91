/// \file
/// One layer as a config describes it: a small tree of named values, wherever it was read from, and
/// what reads it so that no mistake in it stays unseen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lagrange::ops {

struct layer_settings {
  using list = std::vector<layer_settings>;
  using value = std::variant<bool, std::int64_t, double, std::string, list>;
  std::vector<std::pair<std::string, value>> values; ///< in the order they were written
};

/// Reads the settings of one layer. Every error is a std::invalid_argument that says which layer,
/// which key, and what was expected.
class settings_reader {
public:
  /// `where` is how errors call the layer, as in "layers[2]".
  /// Requires: `from` outlives this.
  settings_reader(const layer_settings& from, std::string where);

  /// The value of a key, if it is there: a bool, std::int64_t, double, std::string or
  /// layer_settings::list. A whole number is a double as well.
  /// Errors: throws if it is of another type.
  template <class T>
  std::optional<T> find(std::string_view key);
  /// Errors: throws if it is of another type or not there.
  template <class T>
  T need(std::string_view key);

  /// Errors: throws if there is a key that nobody asked for, and says which were asked for.
  void finish() const;
  [[noreturn]] void refuse(const std::string& why) const;
  const std::string& where() const { return where_; }

private:
  const layer_settings::value* look_up(std::string_view key);
  const layer_settings& from_;
  std::string where_;
  std::vector<std::string> asked_;
};

} // namespace lagrange::ops
