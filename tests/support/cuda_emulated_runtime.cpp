#include "tests/support/cuda_emulated_runtime.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>

struct emulated_stream {
  std::deque<std::function<void()>> work;
};

struct emulated_event {
  struct point {
    emulated_stream* stream;
    bool is_reached = false;
  };
  std::shared_ptr<point> recorded; // null: an event that was never recorded is reached
};

namespace {

struct emulated_device {
  std::set<emulated_stream*> streams;
  std::map<const std::byte*, std::size_t> device_memory, pinned_memory; // address: bytes
  std::size_t used_bytes = 0;
  std::size_t capacity_bytes = std::size_t{1} << 30;
  std::size_t synchronisations = 0;
  std::size_t allocations = 0;
};

emulated_device device;

bool contains(const std::map<const std::byte*, std::size_t>& memory, const void* first,
              std::size_t size_bytes) {
  const auto* at = static_cast<const std::byte*>(first);
  auto next = memory.upper_bound(at);
  if (next == memory.begin()) return false;
  --next;
  return at + size_bytes <= next->first + next->second;
}

// False when there is nothing left to do.
bool step(emulated_stream& stream) {
  if (stream.work.empty()) return false;
  const auto next = std::move(stream.work.front());
  stream.work.pop_front();
  next();
  return true;
}

void finish(emulated_stream& stream) {
  while (step(stream)) {
  }
}

void await(const emulated_event::point& point) {
  while (!point.is_reached)
    if (!step(*point.stream)) throw std::logic_error("an event that nobody will record");
}

std::size_t bytes_at(std::map<const std::byte*, std::size_t>& memory, void* first) {
  const auto found = memory.extract(static_cast<const std::byte*>(first));
  return found.empty() ? 0 : found.mapped();
}

} // namespace

namespace lagrange::tests {

void enqueue(cudaStream_t stream, std::function<void()> work) {
  if (!device.streams.contains(stream)) throw std::logic_error("a stream that there is not");
  stream->work.push_back(std::move(work));
}

bool is_launchable(dim3 blocks, dim3 threads) {
  const auto is_within = [](unsigned x, unsigned limit) { return x >= 1 && x <= limit; };
  return is_within(blocks.x, 0x7FFFFFFF) && is_within(blocks.y, 65535) &&
         is_within(blocks.z, 65535) && is_within(threads.x, 1024) && is_within(threads.y, 1024) &&
         is_within(threads.z, 64) && threads.x * threads.y * threads.z <= 1024;
}

std::size_t synchronisations() { return device.synchronisations; }
std::size_t device_allocations() { return device.allocations; }
void set_capacity(std::size_t capacity_bytes) { device.capacity_bytes = capacity_bytes; }

} // namespace lagrange::tests

const char* cudaGetErrorString(cudaError_t status) {
  static constexpr std::array texts{"no error",
                                    "invalid argument",
                                    "out of memory",
                                    "invalid configuration argument",
                                    "CUDA driver version is insufficient for CUDA runtime version",
                                    "no CUDA-capable device is detected",
                                    "invalid device ordinal",
                                    "device not ready"};
  return texts[status];
}

cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int index) {
  if (index != 0) return cudaErrorInvalidDevice;
  std::snprintf(found->name, sizeof found->name, "emulated GPU");
  found->major = 9;
  found->minor = 0;
  found->totalGlobalMem = device.capacity_bytes;
  found->multiProcessorCount = 1;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int index) { return index == 0 ? cudaSuccess : cudaErrorInvalidDevice; }

cudaError_t cudaMalloc(void** memory, std::size_t size_bytes) {
  ++device.allocations;
  if (size_bytes > device.capacity_bytes - std::min(device.capacity_bytes, device.used_bytes))
    return cudaErrorMemoryAllocation;
  *memory = std::aligned_alloc(256, (size_bytes + 255) / 256 * 256);
  std::memset(*memory, 0xFF, size_bytes);
  device.used_bytes += size_bytes;
  device.device_memory[static_cast<const std::byte*>(*memory)] = size_bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  ++device.synchronisations;
  for (auto* each : device.streams) finish(*each);
  const auto size_bytes = bytes_at(device.device_memory, memory);
  if (size_bytes == 0) return cudaErrorInvalidValue;
  device.used_bytes -= size_bytes;
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** memory, std::size_t size_bytes) {
  *memory = std::aligned_alloc(64, (size_bytes + 63) / 64 * 64);
  device.pinned_memory[static_cast<const std::byte*>(*memory)] = size_bytes;
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* memory) {
  if (bytes_at(device.pinned_memory, memory) == 0) return cudaErrorInvalidValue;
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t size_bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const auto& targets =
      kind == cudaMemcpyDeviceToHost ? device.pinned_memory : device.device_memory;
  const auto& sources =
      kind == cudaMemcpyHostToDevice ? device.pinned_memory : device.device_memory;
  if (!contains(targets, to, size_bytes) || !contains(sources, from, size_bytes))
    return cudaErrorInvalidValue;
  lagrange::tests::enqueue(stream, [=] { std::memcpy(to, from, size_bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int byte, std::size_t size_bytes, cudaStream_t stream) {
  if (!contains(device.device_memory, memory, size_bytes)) return cudaErrorInvalidValue;
  lagrange::tests::enqueue(stream, [=] { std::memset(memory, byte, size_bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* made, unsigned) {
  *made = *device.streams.insert(new emulated_stream).first;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (device.streams.erase(stream) == 0) return cudaErrorInvalidValue;
  finish(*stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (!device.streams.contains(stream)) return cudaErrorInvalidValue;
  ++device.synchronisations;
  finish(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->recorded != nullptr)
    lagrange::tests::enqueue(stream, [point = event->recorded] { await(*point); });
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* made, unsigned) {
  *made = new emulated_event;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->recorded = std::make_shared<emulated_event::point>(emulated_event::point{stream});
  lagrange::tests::enqueue(stream, [point = event->recorded] { point->is_reached = true; });
  return cudaSuccess;
}

// Time passes while somebody asks: the stream goes one step on.
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event->recorded == nullptr || event->recorded->is_reached) return cudaSuccess;
  step(*event->recorded->stream);
  return event->recorded->is_reached ? cudaSuccess : cudaErrorNotReady;
}
