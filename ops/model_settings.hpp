/// \file
/// The numbers of a model that its user chooses: how wide, how deep. A model says in a table which
/// there are; config writes them into a model_settings, by name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagrange::ops {

/// One number that a model has.
struct model_setting {
  enum class number_kind : std::uint8_t { whole, real };
  std::string_view name;
  std::string_view help;
  double otherwise = 0; ///< where nothing is set
  double least = 0;
  double most = 0;
  number_kind kind = number_kind::whole;
};

class model_settings {
public:
  model_settings() = default;
  model_settings(std::initializer_list<std::pair<std::string, double>> values);
  /// Replaces what was set under that name.
  void set(const std::string& name, double value);
  /// Requires: it is set, as all that a model's table names are when the model is made.
  double number(std::string_view name) const;
  std::int64_t count(std::string_view name) const;
  std::span<const std::pair<std::string, double>> all() const { return values_; }
  bool operator==(const model_settings&) const = default;

private:
  std::vector<std::pair<std::string, double>> values_;
};

/// A value for each of `known`: the one in `set`, else what the table says, in its order.
/// Errors: throws std::invalid_argument, naming `model`, the setting and what would fit, if one is
/// not known or out of its range.
model_settings complete(std::string_view model, std::span<const model_setting> known,
                        const model_settings& set);

} // namespace lagrange::ops
