#include "ops/model_settings.hpp"

#include "ops/contract.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace lagrange::ops {

namespace {

// As in "0.5" or "128".
std::string text_of(double number) {
  std::ostringstream made;
  made << number;
  return made.str();
}

[[noreturn]] void refuse(std::string_view model, const std::string& why) {
  throw std::invalid_argument("model " + std::string(model) + why);
}

void check_known(std::string_view model, std::span<const model_setting> known,
                 const std::string& name) {
  if (std::ranges::find(known, name, &model_setting::name) != known.end()) return;
  std::string names;
  for (const auto& each : known) names += (names.empty() ? "" : ", ") + std::string(each.name);
  refuse(model, " has no setting " + name + "; " +
                    (names.empty() ? "it has none at all" : "what can be set is " + names));
}

void check_range(std::string_view model, const model_setting& of, double value) {
  const bool is_whole = of.kind == model_setting::number_kind::whole;
  if (value >= of.least && value <= of.most && (!is_whole || value == std::floor(value))) return;
  refuse(model, " needs " + std::string(of.name) + " (" + std::string(of.help) + ") to be a " +
                    (is_whole ? "whole " : "") + "number from " + text_of(of.least) + " to " +
                    text_of(of.most) + ", not " + text_of(value));
}

} // namespace

model_settings::model_settings(std::initializer_list<std::pair<std::string, double>> values) {
  for (const auto& [name, value] : values) set(name, value);
}

void model_settings::set(const std::string& name, double value) {
  const auto found = std::ranges::find(values_, name, &std::pair<std::string, double>::first);
  if (found == values_.end())
    values_.emplace_back(name, value);
  else
    found->second = value;
}

double model_settings::number(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &std::pair<std::string, double>::first);
  LAGRANGE_EXPECT(found != values_.end(), "no setting " + std::string(name));
  return found->second;
}

std::int64_t model_settings::count(std::string_view name) const {
  return static_cast<std::int64_t>(number(name));
}

model_settings complete(std::string_view model, std::span<const model_setting> known,
                        const model_settings& set) {
  for (const auto& [name, value] : set.all()) check_known(model, known, name);
  model_settings made;
  for (const auto& each : known) made.set(std::string(each.name), each.otherwise);
  for (const auto& [name, value] : set.all()) made.set(name, value);
  for (const auto& each : known) check_range(model, each, made.number(each.name));
  return made;
}

} // namespace lagrange::ops
