/// \file
/// Runs a loop in the widest vector instructions of the processor at hand. The program is built for
/// any x86-64; each loop that matters is compiled three times and the choice is made at the call.
/// (Not by target_clones: its choice is made before a sanitizer is ready, and crashes under one.)
#pragma once

namespace lagrange::ops {

namespace detail {
// Everything called is inlined, and so compiled for the instruction set of the caller.
template <auto loop, class... Arguments>
[[gnu::flatten]] void run_baseline(Arguments... arguments) {
  loop(arguments...);
}
#if defined(__x86_64__)
template <auto loop, class... Arguments>
[[gnu::flatten, gnu::target("avx2")]] void run_avx2(Arguments... arguments) {
  loop(arguments...);
}
template <auto loop, class... Arguments>
[[gnu::flatten, gnu::target("avx512f")]] void run_avx512(Arguments... arguments) {
  loop(arguments...);
}
#endif
} // namespace detail

/// Calls `loop`, a function, with `arguments`.
template <auto loop, class... Arguments>
void vectorised(Arguments... arguments) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return detail::run_avx512<loop>(arguments...);
  if (__builtin_cpu_supports("avx2") != 0) return detail::run_avx2<loop>(arguments...);
#endif
  detail::run_baseline<loop>(arguments...);
}

} // namespace lagrange::ops
