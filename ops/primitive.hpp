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
#include <span>
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
                 const dnnl::memory::desc& scratchpad, std::span<const argument> arguments);
  kept_primitive(dnnl::primitive primitive, const dnnl::engine& engine,
                 const dnnl::memory::desc& scratchpad, std::initializer_list<argument> arguments)
      : kept_primitive(std::move(primitive), engine, scratchpad,
                       std::span(arguments.begin(), arguments.size())) {}

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

} // namespace lagrange::ops
