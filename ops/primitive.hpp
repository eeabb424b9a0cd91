/// \file
/// A oneDNN primitive kept ready: with its memories, its arguments and its own scratchpad, so that
/// a call swaps pointers and runs. A primitive made again costs hundreds of times a small product,
/// and a shared default scratchpad gives wrong results from two threads.
#pragma once

#include "ops/contract.hpp"
#include "ops/tensor.hpp"

#include <oneapi/dnnl/dnnl.hpp>

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace lagrange::ops {

class kept_primitive {
public:
  struct argument {
    int id; ///< as in DNNL_ARG_SRC
    dnnl::memory::desc layout;
  };

  /// Attributes under which a primitive leaves its scratchpad to the caller, as it must here.
  static dnnl::primitive_attr attributes();

  /// Requires: made with attributes(); `scratchpad` is the descriptor's scratchpad_desc().
  kept_primitive(dnnl::primitive primitive, const dnnl::engine& engine,
                 const dnnl::memory::desc& scratchpad, std::initializer_list<argument> arguments);

  /// Runs to the end. `data` are the arguments' memories in the order given when made.
  /// Errors: throws device_error.
  void run(std::initializer_list<const void*> data);

private:
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  std::vector<const void*> held_;
  std::unique_ptr<buffer> scratchpad_;
};

/// What an op keeps for each batch size it has seen: the usual one, the smaller last one, and that
/// of evaluation. A batch size that does not come back is forgotten when the room is needed.
template <class Plan>
class plan_cache {
public:
  /// The plan for `batch`, made by `make()` when it is not kept.
  /// Errors: throws device_error if oneDNN cannot make it.
  template <class Make>
  Plan& at(std::int64_t batch, Make make) {
    for (auto& [size, plan] : kept_)
      if (size == batch) return *plan;
    try {
      auto plan = make();
      if (kept_.size() < kept_max) {
        kept_.emplace_back(batch, std::move(plan));
        return *kept_.back().second;
      }
      oldest_ = (oldest_ + 1) % kept_max;
      kept_[oldest_] = {batch, std::move(plan)};
      return *kept_[oldest_].second;
    } catch (const dnnl::error& found) {
      throw device_error("oneDNN cannot compute a batch of " + std::to_string(batch) + ": " +
                         found.what());
    }
  }

private:
  static constexpr std::size_t kept_max = 8;
  std::vector<std::pair<std::int64_t, std::unique_ptr<Plan>>> kept_;
  std::size_t oldest_ = kept_max - 1;
};

} // namespace lagrange::ops
