#include "ops/weight_order.hpp"

#include <algorithm>

namespace lagrange::ops {

weight_order::weight_order(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                           const dnnl::engine& engine) {
  if (from == to) return;
  const dnnl::reorder::primitive_desc chosen(engine, from, engine, to,
                                             kept_primitive::attributes());
  reorder_.emplace(kept_primitive(dnnl::reorder(chosen), engine, chosen.scratchpad_desc(),
                                  {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}));
  own_ = std::make_unique<buffer>(std::max(from.get_size(), to.get_size()));
}

const void* weight_order::read(const void* plain) {
  if (!reorder_) return plain;
  reorder_->run({plain, own_->data()});
  return own_->data();
}

void* weight_order::target(void* plain) { return reorder_ ? own_->data() : plain; }

void weight_order::taken(void* plain) {
  if (reorder_) reorder_->run({own_->data(), plain});
}

} // namespace lagrange::ops
