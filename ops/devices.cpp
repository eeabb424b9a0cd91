#include "ops/devices.hpp"

#include "ops/cuda/loader.hpp"
#include "ops/cuda/stream_processor.hpp"

#include <oneapi/dnnl/dnnl.hpp>

#include <omp.h>

#include <charconv>
#include <fstream>
#include <thread>

namespace lagrange::ops {

namespace {

std::string instruction_set() {
  using isa = dnnl::cpu_isa;
  switch (dnnl::get_effective_cpu_isa()) {
  case isa::sse41:
    return "SSE4.1";
  case isa::avx:
    return "AVX";
  case isa::avx2:
    return "AVX2";
  case isa::avx512_mic:
  case isa::avx512_mic_4ops:
  case isa::avx512_core:
    return "AVX-512";
  case isa::avx512_core_vnni:
    return "AVX-512 with VNNI";
  case isa::avx512_core_bf16:
    return "AVX-512 with bf16";
  case isa::avx512_core_amx:
    return "AVX-512 with AMX";
  default:
    return "baseline instructions";
  }
}

// What the processor calls itself, or nothing where /proc does not tell.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2) + ", ";
  return "";
}

cuda::loaded_backend backend_in(const std::string& cuda_module) {
  return cuda_module.empty() ? cuda::load_backend() : cuda::load_module(cuda_module);
}

} // namespace

device_list list_devices(const std::string& cuda_module) {
  device_list found;
  const auto cores = std::thread::hardware_concurrency();
  found.devices.push_back({device{}, processor_name() + instruction_set() + ", " +
                                         std::to_string(cores) +
                                         (cores == 1 ? " core" : " cores")});
  const cuda::loaded_backend backend = backend_in(cuda_module);
  found.cuda_absence = backend.absence;
  for (int i = 0; i < backend.devices; ++i)
    found.devices.push_back({device{device::kind_type::cuda, i}, cuda::describe(backend, i)});
  return found;
}

std::string to_string(device where) {
  if (where.kind == device::kind_type::cpu) return "cpu";
  return "cuda:" + std::to_string(where.index);
}

std::optional<device> parse_device(std::string_view text) {
  constexpr std::string_view cuda = "cuda:";
  if (text == "cpu") return device{};
  if (!text.starts_with(cuda)) return std::nullopt;
  device found{.kind = device::kind_type::cuda};
  const auto* last = text.data() + text.size();
  const auto [end, wrong] = std::from_chars(text.data() + cuda.size(), last, found.index);
  const bool is_number = wrong == std::errc() && end == last && found.index >= 0;
  // As it is written: no "cuda:01", no "cuda:-0".
  return is_number && to_string(found) == text ? std::optional(found) : std::nullopt;
}

std::unique_ptr<processor> make_processor(device where, const std::string& cuda_module) {
  if (where.kind == device::kind_type::cpu) return host_processor();
  const auto backend = backend_in(cuda_module);
  if (backend.table == nullptr)
    throw device_error("the device " + to_string(where) + " is not to be had. " + backend.absence);
  if (where.index >= backend.devices)
    throw device_error("the device " + to_string(where) + " is not to be had. This machine has " +
                       std::to_string(backend.devices) + " that CUDA can use.");
  return cuda::make_processor(*backend.table, where.index);
}

void bind_thread(int threads) {
  LAGRANGE_EXPECT(threads >= 1, std::to_string(threads) + " threads");
  omp_set_num_threads(threads);
}

} // namespace lagrange::ops
