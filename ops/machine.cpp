#include "ops/machine.hpp"

#include <oneapi/dnnl/dnnl.hpp>

#include <string_view>

namespace lagrange::ops {

namespace {

/// As vectorised() chooses.
std::string_view own_instructions() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return "avx512f";
  if (__builtin_cpu_supports("avx2") != 0) return "avx2";
#endif
  return "baseline";
}

struct isa_name {
  dnnl::cpu_isa isa;
  std::string_view name;
};
constexpr isa_name isa_names[] = {
    {dnnl::cpu_isa::sse41, "sse41"},
    {dnnl::cpu_isa::avx, "avx"},
    {dnnl::cpu_isa::avx2, "avx2"},
    {dnnl::cpu_isa::avx2_vnni, "avx2_vnni"},
    {dnnl::cpu_isa::avx512_core, "avx512_core"},
    {dnnl::cpu_isa::avx512_core_vnni, "avx512_core_vnni"},
    {dnnl::cpu_isa::avx512_core_bf16, "avx512_core_bf16"},
    {dnnl::cpu_isa::avx512_core_amx, "avx512_core_amx"},
};

} // namespace

std::string instruction_set() {
  const auto isa = dnnl::get_effective_cpu_isa();
  std::string text(own_instructions());
  for (const auto& each : isa_names)
    if (each.isa == isa) return text.append("; oneDNN ").append(each.name);
  return text + "; oneDNN isa " + std::to_string(static_cast<unsigned>(isa));
}

std::string library_versions() {
  const auto* version = dnnl::version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

} // namespace lagrange::ops
