#include "ops/cuda/loader.hpp"

#include "ops/contract.hpp"

#include <dlfcn.h>

#include <array>
#include <filesystem>

namespace lagrange::ops::cuda {

namespace {

loaded_backend absent(std::string why) {
  loaded_backend none;
  none.absence = std::move(why);
  return none;
}

} // namespace

loaded_backend load_module(const std::string& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored))
    return absent("No CUDA: " + file + " is not there; build it with -DLAGRANGE_CUDA=ON.");
  // CUDA leaves work to be done at exit, so its code must stay.
  void* opened = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (opened == nullptr)
    return absent("No CUDA: the backend does not load (" + std::string(dlerror()) +
                  "); install the CUDA runtime libraries it was built with.");
  loaded_backend found;
  const auto entry = reinterpret_cast<decltype(&lagrange_cuda_entry_point)>(
      dlsym(opened, "lagrange_cuda_entry_point"));
  if (entry == nullptr) return absent("No CUDA: " + file + " is no backend of lagrange.");
  const auto* table = entry();
  if (table->version != backend_version)
    return absent("No CUDA: " + file + " is of version " + std::to_string(table->version) +
                  " and this program needs " + std::to_string(backend_version) + "; build both.");
  if (const char* why = table->count_devices(&found.devices); why != nullptr)
    return absent(std::string("No CUDA: ") + why);
  if (found.devices < 1)
    return absent("No CUDA: the backend counts no device and gives no reason.");
  found.table = table;
  return found;
}

loaded_backend load_backend(const std::string& folder) {
  return load_module(folder + "/lagrange_cuda.so");
}

loaded_backend load_backend() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return absent("No CUDA: /proc/self/exe cannot be read: " + failed.message() + ".");
  return load_backend(program.parent_path().string());
}

std::string describe(const loaded_backend& backend, int index) {
  LAGRANGE_EXPECT(index >= 0 && index < backend.devices, "device " + std::to_string(index));
  std::array<char, 128> text{};
  if (const char* why = backend.table->describe_device(index, text.data(), text.size());
      why != nullptr)
    throw device_error("CUDA device " + std::to_string(index) + ": " + why);
  return text.data();
}

} // namespace lagrange::ops::cuda
