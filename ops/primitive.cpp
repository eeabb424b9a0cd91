#include "ops/primitive.hpp"

#include <oneapi/dnnl/dnnl_debug.h>

namespace lagrange::ops {

namespace {
void check(dnnl_status_t status) {
  if (status != dnnl_success)
    throw device_error(std::string("oneDNN failed to compute: ") + dnnl_status2str(status));
}
} // namespace

dnnl::primitive_attr kept_primitive::attributes() {
  dnnl::primitive_attr made;
  made.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return made;
}

kept_primitive::kept_primitive(dnnl::primitive primitive, const dnnl::engine& engine,
                               const dnnl::memory::desc& scratchpad,
                               std::span<const argument> arguments)
    : stream_(engine), primitive_(std::move(primitive)), held_(arguments.size(), nullptr),
      scratchpad_(std::make_unique<buffer>(scratchpad.get_size())) {
  for (const auto& each : arguments) {
    memories_.emplace_back(each.layout, engine, nullptr);
    arguments_.push_back({each.id, memories_.back().get()});
  }
  memories_.emplace_back(scratchpad, engine, scratchpad_->data());
  arguments_.push_back({DNNL_ARG_SCRATCHPAD, memories_.back().get()});
}

void kept_primitive::run(std::initializer_list<const void*> data) {
  LAGRANGE_EXPECT(data.size() == held_.size(), std::to_string(data.size()) + " memories");
  std::size_t i = 0;
  for (const void* each : data) {
    // oneDNN takes inputs, too, by pointers that are not const.
    if (each != held_[i])
      check(dnnl_memory_set_data_handle(arguments_[i].memory, const_cast<void*>(each)));
    held_[i++] = each;
  }
  check(dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(arguments_.size()),
                               arguments_.data()));
  check(dnnl_stream_wait(stream_.get()));
}

} // namespace lagrange::ops
