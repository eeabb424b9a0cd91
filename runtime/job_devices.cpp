#include "runtime/job_devices.hpp"

#include "ops/devices.hpp"
#include "ops/machine.hpp"
#include "runtime/job_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lagrange::runtime {

namespace {

constexpr std::size_t devices_max = 1024; // as many as workers

bool is_listed(const ops::device_list& all, const ops::device& wanted) {
  return std::ranges::find(all.devices, wanted, &ops::device_entry::where) != all.devices.end();
}

bool computes_on_cpu_alone(const job& x) {
  return std::ranges::all_of(x.topology.devices, [](const auto& each) { return each == "cpu"; });
}

} // namespace

bool read_devices(const toml::node& found, std::vector<std::string>& out) {
  const auto* list = found.as_array();
  if (list == nullptr || list->empty() || list->size() > devices_max) return false;
  std::vector<std::string> read;
  for (const auto& each : *list) {
    const auto* text = each.as_string();
    if (text == nullptr || !ops::parse_device(text->get())) return false;
    read.push_back(text->get());
  }
  out = std::move(read);
  return true;
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string joined;
  for (const auto& each : texts) joined += (joined.empty() ? "" : ", ") + toml_text(each);
  return fmt::format("[{}]", joined);
}

ops::device device_of(const job& x, std::uint32_t worker) {
  const auto& all = x.topology.devices;
  const auto found = ops::parse_device(all[worker % all.size()]);
  LAGRANGE_EXPECT(found, "a device \"" + all[worker % all.size()] + "\"");
  return *found;
}

std::string devices_absence(const job& x, const catalog& rows) {
  if (computes_on_cpu_alone(x)) return {};
  const auto all = ops::list_devices(rows.cuda_module);
  const auto why = all.cuda_absence.empty() ? fmt::format("The last that CUDA can use is {}.",
                                                          ops::to_string(all.devices.back().where))
                                            : all.cuda_absence;
  for (std::uint32_t i = 0; i < x.topology.devices.size(); ++i)
    if (!is_listed(all, device_of(x, i)))
      return fmt::format("there is no {} here, see lagrange list devices. {}",
                         x.topology.devices[i], why);
  return {};
}

std::string libraries_of(const job& x, const catalog& rows) {
  auto found = ops::library_versions();
  if (computes_on_cpu_alone(x)) return found;
  const auto here = ops::list_devices(rows.cuda_module);
  std::vector<std::string> kinds;
  const auto used = std::min<std::size_t>(x.topology.devices.size(), x.topology.workers);
  for (std::uint32_t i = 0; i < used; ++i) {
    const auto where = device_of(x, i);
    if (where.kind == ops::device::kind_type::cpu) continue;
    const auto entry = std::ranges::find(here.devices, where, &ops::device_entry::where);
    const auto kind =
        entry != here.devices.end() ? entry->description : "no " + ops::to_string(where);
    if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
  }
  for (const auto& kind : kinds) found += "; " + kind;
  return found;
}

} // namespace lagrange::runtime
