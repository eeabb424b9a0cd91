#include "ops/layer_settings.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace lagrange::ops {

namespace {

// In the order of the alternatives of layer_settings::value.
constexpr std::array<std::string_view, 5> type_names{"true or false", "a whole number", "a number",
                                                     "a text", "a list of layers"};

template <class T>
std::string type_name() {
  return std::string(type_names[layer_settings::value(T{}).index()]);
}

template <class T>
const T* read(const layer_settings::value& from, T&) {
  return std::get_if<T>(&from);
}

const double* read(const layer_settings::value& from, double& room) {
  const auto* whole = std::get_if<std::int64_t>(&from);
  if (whole == nullptr) return std::get_if<double>(&from);
  room = static_cast<double>(*whole);
  return &room;
}

std::string quoted(std::string_view key) { return "\"" + std::string(key) + "\""; }

} // namespace

settings_reader::settings_reader(const layer_settings& from, std::string where)
    : from_(from), where_(std::move(where)) {
  for (auto at = from.values.begin(); at != from.values.end(); ++at)
    if (std::any_of(from.values.begin(), at, [&](auto& each) { return each.first == at->first; }))
      refuse(quoted(at->first) + " is there twice");
}

void settings_reader::refuse(const std::string& why) const {
  throw std::invalid_argument(where_ + ": " + why);
}

const layer_settings::value* settings_reader::look_up(std::string_view key) {
  if (std::ranges::find(asked_, key) == asked_.end()) asked_.emplace_back(key);
  const auto found =
      std::ranges::find(from_.values, key, &decltype(from_.values)::value_type::first);
  return found == from_.values.end() ? nullptr : &found->second;
}

template <class T>
std::optional<T> settings_reader::find(std::string_view key) {
  const auto* there = look_up(key);
  if (there == nullptr) return std::nullopt;
  T room{};
  const T* found = read(*there, room);
  if (found == nullptr)
    refuse(quoted(key) + " must be " + type_name<T>() + ", not " +
           std::string(type_names[there->index()]));
  return *found;
}

template <class T>
T settings_reader::need(std::string_view key) {
  auto found = find<T>(key);
  if (!found) refuse(quoted(key) + " is missing: it must be " + type_name<T>());
  return *std::move(found);
}

void settings_reader::finish() const {
  for (const auto& [key, value] : from_.values) {
    if (std::ranges::find(asked_, key) != asked_.end()) continue;
    std::string known;
    for (const auto& each : asked_) known += (known.empty() ? "" : ", ") + each;
    refuse("there is no setting " + quoted(key) + "; there are " + known);
  }
}

template std::optional<bool> settings_reader::find(std::string_view);
template std::optional<std::int64_t> settings_reader::find(std::string_view);
template std::optional<double> settings_reader::find(std::string_view);
template std::optional<std::string> settings_reader::find(std::string_view);
template std::optional<layer_settings::list> settings_reader::find(std::string_view);
template bool settings_reader::need(std::string_view);
template std::int64_t settings_reader::need(std::string_view);
template double settings_reader::need(std::string_view);
template std::string settings_reader::need(std::string_view);
template layer_settings::list settings_reader::need(std::string_view);

} // namespace lagrange::ops
